package messina.oracle;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Writes the vectors: each case is written, read back and only then run, so that its text is what the original saw. */
public final class Main {
    private static final Pattern NUMBER = Pattern.compile("-?[0-9]+\\.[0-9]+(E-?[0-9]+)?");

    private Main() {}

    /** Whether a text holds a number with a digit more than it needs, as Java before 19 writes some. */
    private static boolean superfluous(String text) {
        Matcher numbers = NUMBER.matcher(text);
        while (numbers.find()) {
            String own = numbers.group();
            BigDecimal exact = new BigDecimal(own);
            if (exact.precision() < 2) {
                continue;
            }
            for (RoundingMode mode : List.of(RoundingMode.HALF_UP, RoundingMode.HALF_DOWN)) {
                BigDecimal shorter = exact.round(new MathContext(exact.precision() - 1, mode));
                boolean single = own.equals(Float.toString(exact.floatValue())) && shorter.floatValue() == exact.floatValue();
                boolean twice = own.equals(Double.toString(exact.doubleValue())) && shorter.doubleValue() == exact.doubleValue();
                if (shorter.compareTo(exact) != 0 && (single || twice)) {
                    return true;
                }
            }
        }
        return false;
    }

    public static void main(String[] arguments) throws IOException {
        Path directory = Path.of(arguments[0]);
        Files.createDirectories(directory);
        Cases cases = new Cases();
        new TransformCases(cases).all();
        new CastCases(cases).all();
        new TimestampCases(cases).all();
        new RandomCases(cases).all();
        new ConverterCases(cases).all();
        new HeaderCases(cases).all();
        new TextCases(cases).all();
        new EdgeCases(cases).all();
        ObjectMapper mapper = new ObjectMapper();
        mapper.configure(JsonGenerator.Feature.WRITE_BIGDECIMAL_AS_PLAIN, false);
        Runner runner = new Runner();
        for (Map.Entry<String, List<ObjectNode>> file : new TreeMap<>(cases.files()).entrySet()) {
            StringBuilder text = new StringBuilder();
            for (ObjectNode test : file.getValue()) {
                JsonNode read = mapper.readTree(mapper.writeValueAsString(test));
                ObjectNode line = test.deepCopy();
                line.set("expect", runner.run(read));
                // Lists and maps without an element type have no schema with us: a deliberate difference.
                String expect = mapper.writeValueAsString(line.get("expect"));
                if (!superfluous(expect) && !expect.contains("\"items\":null") && !expect.contains("\"keys\":null") && !expect.contains("\"values\":null")) {
                    text.append(mapper.writeValueAsString(line)).append('\n');
                }
            }
            Files.write(directory.resolve(file.getKey() + ".jsonl"), text.toString().getBytes(StandardCharsets.UTF_8));
            System.out.println(file.getKey() + ": " + file.getValue().size());
        }
    }
}
