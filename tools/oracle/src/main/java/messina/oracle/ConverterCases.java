package messina.oracle;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.data.SchemaAndValue;

/** Converters: bytes to values and back, values to bytes and back. */
final class ConverterCases {
    private static final List<String> JSON = List.of("", " ", "null", "1", "1.5", "-0.0", "007", "12345678901234567890", "1e400", "1e3", "\"x\"", "true", "[]", "{}", "[1,null,\"a\",[2.5]]",
        "{\"a\":1,\"b\":{\"c\":[true]}}", "{\"a\":1,\"a\":2}", "{} {}", "1 2", "1]", "{\"a\":", "NaN", "nul", "'x'", "{a:1}", "[1,]", "\"\\u00e9\\ud83d\\ude00\"", "{\"schema\":null,\"payload\":{\"a\":1}}",
        "{\"schema\":null,\"payload\":null}", "{\"schema\":{\"type\":\"int32\"},\"payload\":1,\"x\":1}", "{\"schema\":{\"type\":\"int32\"}}", "{\"schema\":{\"type\":\"int\"},\"payload\":1}", "{\"schema\":{},\"payload\":1}", "{\"schema\":1,\"payload\":1}");
    private static final List<String> SCHEMAS = List.of("\"int8\"", "\"int16\"", "\"int32\"", "\"int64\"", "\"float\"", "\"double\"", "\"boolean\"", "\"string\"", "\"bytes\"",
        "\"int32\",\"name\":\"org.apache.kafka.connect.data.Date\",\"version\":1", "\"int32\",\"name\":\"org.apache.kafka.connect.data.Time\",\"version\":1", "\"int64\",\"name\":\"org.apache.kafka.connect.data.Timestamp\",\"version\":1",
        "\"bytes\",\"name\":\"org.apache.kafka.connect.data.Decimal\",\"version\":1,\"parameters\":{\"scale\":\"2\"}", "\"array\",\"items\":{\"type\":\"int8\"}", "\"map\",\"keys\":{\"type\":\"string\"},\"values\":{\"type\":\"int32\"}",
        "\"map\",\"keys\":{\"type\":\"int32\"},\"values\":{\"type\":\"string\",\"optional\":true}", "\"struct\",\"fields\":[{\"type\":\"int32\",\"field\":\"a\"},{\"type\":\"string\",\"optional\":true,\"default\":\"dd\",\"field\":\"b\"}]");
    private static final List<String> PAYLOADS = List.of("null", "1", "300", "-1", "2e10", "1.9", "1e400", "\"1\"", "\"AQI=\"", "\"?\"", "true", "[]", "[1,2]", "[[1,\"x\"],[2,null]]", "[null]", "{}", "{\"a\":1}", "{\"a\":1,\"b\":null,\"c\":3}", "{\"a\":null}", "{\"a\":\"x\"}", "86400000", "86400001", "19000.0");
    private final Cases cases;

    ConverterCases(Cases cases) {
        this.cases = cases;
    }

    void all() {
        json();
        for (String name : List.of("StringConverter", "ByteArrayConverter", "BooleanConverter", "ShortConverter", "IntegerConverter", "LongConverter", "FloatConverter", "DoubleConverter")) {
            Map<String, String> config = Cases.config();
            cases.read("converter", name, config, null);
            for (int length : new int[] {0, 1, 2, 3, 4, 5, 8, 9}) {
                for (int fill : new int[] {0, 1, 127, 255}) {
                    byte[] bytes = new byte[length];
                    java.util.Arrays.fill(bytes, (byte) fill);
                    cases.read("converter", name, config, bytes);
                }
            }
            cases.read("converter", name, config, "h\u00e9\ud83d\ude00".getBytes(StandardCharsets.UTF_8));
            for (SchemaAndValue part : Universe.parts()) {
                cases.write("converter", name, config, part);
            }
            for (SchemaAndValue scalar : Universe.scalars()) {
                if (!(scalar.value() instanceof String text) || text.length() == 3) {
                    cases.write("converter", name, config, scalar);
                    cases.write("converter", name, config, Cases.bare(scalar.value()));
                }
            }
        }
    }

    private void json() {
        String name = "JsonConverter";
        for (String enable : List.of("true", "false")) {
            Map<String, String> config = Cases.config("schemas.enable", enable);
            cases.read("converter", name, config, null);
            cases.read("converter", name, config, new byte[] {(byte) 0xc3, 0x28});
            for (String text : JSON) {
                cases.read("converter", name, config, text.getBytes(StandardCharsets.UTF_8));
            }
            for (SchemaAndValue part : Universe.parts()) {
                cases.write("converter", name, config, part);
                cases.write("converter", name, Cases.config("schemas.enable", enable, "decimal.format", "numeric", "replace.null.with.default", "false"), part);
            }
            for (SchemaAndValue scalar : Universe.scalars()) {
                cases.write("converter", name, config, scalar);
                cases.write("converter", name, config, Cases.bare(scalar.value()));
            }
        }
        for (String schema : SCHEMAS) {
            for (String payload : PAYLOADS) {
                String text = "{\"schema\":{\"type\":" + schema + "},\"payload\":" + payload + "}";
                cases.read("converter", name, Cases.config(), text.getBytes(StandardCharsets.UTF_8));
                if (payload.equals("null") || payload.startsWith("{\"a\"")) {
                    String optional = text.replace("},\"payload\"", ",\"optional\":true},\"payload\"");
                    cases.read("converter", name, Cases.config("replace.null.with.default", "false"), optional.getBytes(StandardCharsets.UTF_8));
                }
            }
        }
    }
}
