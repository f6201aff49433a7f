package messina.oracle;

import java.nio.charset.StandardCharsets;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.apache.kafka.connect.data.SchemaAndValue;

/** Header texts: listed ones, then seeded strings of the parser's own tokens. */
final class HeaderCases {
    static final List<String> TEXTS = List.of("", " ", "null", " null ", "true", "false", "True", " true", "1", "1.0", "+5", "007", "-0", "1e3", "127", "128", "-129", "32768", "2147483648", "9223372036854775808", "3.14159265358979", "1e39", "1e-50", ".5", "5.", "+.5", "1e400",
        "2024-01-01", "2024-13-45", "10:20:30.456Z", "2024-01-01T10:20:30.456Z", "2024-01-01T10:20:30.456+0", "10\\:20\\:30.456Z", "[]", "{}", "[1,2]", "[1, 300]", "[1,2.5]", "[1,\"a\"]", "[true,false]", "[null,1]", "[1,null]", "[[1],[2]]", "[\"a\",\"b\"]", "[a]", "{\"a\":1}", "{\"a\":1,\"b\":2}", "{a:1}", "{1:2}",
        "{true:1}", "{\"a\":{\"b\":[1]}}", "{\"a\":null}", "{\"a\":1}x", "[1]x", "[1", "{\"a\":1", "{\"a\"}", "[,]", "[1,]", "{,}", "\"abc\"", "\"a\\\"b\"", "[\"a\\\"b\"]", "12:30", "5:apples", "1,2", "true,false", "null,1", "abc,def", "10.0.0.1", "12abc", "0x10", "NaN", "Infinity", "5 apples", "+02:00", "\u0661", "\u00e9\ud83d\ude00",
        "550e8400-e29b-41d4-a716-446655440000", "1}", "}", "]", ":", ",", "a:b", "1 2", "\\", "a\\", "\\,", "1\\,2", "[1\\,2]", "[2024-01-01]", "{\"t\":10:20:30.456Z}");
    private static final String[] TOKENS = {"1", "-2", "300", "2.5", "1e3", "true", "false", "null", "\"a\"", "\"b\"", "abc", "[", "]", "{", "}", ":", ",", " ", "\\", "\"", "2024-01-01", "70000", "0", ".", "{\"a\":", "[1,"};
    private final Cases cases;

    HeaderCases(Cases cases) {
        this.cases = cases;
    }

    void all() {
        String name = "SimpleHeaderConverter";
        cases.read("header", name, Cases.config(), null);
        cases.read("header", name, Cases.config(), new byte[] {(byte) 0xff, 49});
        Set<String> texts = new LinkedHashSet<>(TEXTS);
        texts.addAll(Universe.TEXTS);
        Random random = new Random(1);
        while (texts.size() < 500) {
            StringBuilder text = new StringBuilder();
            for (int tokens = 1 + random.nextInt(6); tokens > 0; tokens--) {
                text.append(TOKENS[random.nextInt(TOKENS.length)]);
            }
            texts.add(text.toString());
        }
        for (String text : texts) {
            cases.read("header", name, Cases.config(), text.getBytes(StandardCharsets.UTF_8));
        }
        for (SchemaAndValue part : Universe.parts()) {
            cases.write("header", name, Cases.config(), part);
        }
        for (SchemaAndValue scalar : Universe.scalars()) {
            cases.write("header", name, Cases.config(), scalar);
        }
    }
}
