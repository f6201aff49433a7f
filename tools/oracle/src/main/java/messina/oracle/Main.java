package messina.oracle;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Writes the vectors: each case is written, read back and only then run, so that its text is what the original saw. */
public final class Main {
    private Main() {}

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
                if (!expect.contains("\"items\":null") && !expect.contains("\"keys\":null") && !expect.contains("\"values\":null")) {
                    text.append(mapper.writeValueAsString(line)).append('\n');
                }
            }
            Files.write(directory.resolve(file.getKey() + ".jsonl"), text.toString().getBytes(StandardCharsets.UTF_8));
            System.out.println(file.getKey() + ": " + file.getValue().size());
        }
    }
}
