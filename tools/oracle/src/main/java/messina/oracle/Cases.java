package messina.oracle;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.data.SchemaAndValue;

/** Collects cases by file; numbers them. */
final class Cases {
    private final Map<String, List<ObjectNode>> files = new LinkedHashMap<>();

    Map<String, List<ObjectNode>> files() {
        return files;
    }

    /** Options as pairs of name and value. */
    static Map<String, String> config(String... pairs) {
        Map<String, String> config = new LinkedHashMap<>();
        for (int index = 0; index < pairs.length; index += 2) {
            config.put(pairs[index], pairs[index + 1]);
        }
        return config;
    }

    static SchemaAndValue bare(Object value) {
        return new SchemaAndValue(null, value);
    }

    private static String file(String kind, String name) {
        StringBuilder out = new StringBuilder(kind);
        for (char letter : name.replaceAll("\\$.*", "").toCharArray()) {
            out.append(Character.isUpperCase(letter) ? "-" : "").append(Character.toLowerCase(letter));
        }
        return out.toString();
    }

    private ObjectNode add(String kind, String name, Map<String, String> config) {
        String file = file(kind, name);
        List<ObjectNode> list = files.computeIfAbsent(file, ignored -> new ArrayList<>());
        ObjectNode test = Parts.JSON.objectNode();
        test.put("id", file + "-" + String.format("%04d", list.size())).put("kind", kind).put("class", name);
        ObjectNode options = test.putObject("config");
        config.forEach(options::put);
        list.add(test);
        return test;
    }

    /** A record with what its parts are. */
    static ObjectNode record(SchemaAndValue key, SchemaAndValue value, Long timestamp, Object... headers) {
        ObjectNode node = Parts.JSON.objectNode().put("topic", "iot.raw").put("partition", 3).put("offset", 42).put("ts", timestamp);
        node.set("key", Parts.encode(key.schema(), key.value()));
        node.set("value", Parts.encode(value.schema(), value.value()));
        ArrayNode list = node.putArray("headers");
        for (int index = 0; index < headers.length; index += 2) {
            SchemaAndValue header = (SchemaAndValue) headers[index + 1];
            list.add(Parts.JSON.arrayNode().add((String) headers[index]).add(Parts.encode(header.schema(), header.value())));
        }
        return node;
    }

    void transform(String name, Map<String, String> config, ObjectNode record) {
        add("smt", name, config).set("record", record);
    }

    /** The part the class's name says, in an otherwise plain record. */
    void transform(String name, Map<String, String> config, SchemaAndValue part) {
        boolean key = name.endsWith("$Key");
        transform(name, config, record(key ? part : bare("k"), key ? bare("v") : part, 1_700_000_000_123L));
    }

    void predicate(String name, Map<String, String> config, ObjectNode record) {
        add("predicate", name, config).set("record", record);
    }

    void chain(Map<String, String> config, ObjectNode record) {
        add("chain", "TransformationChain", config).set("record", record);
    }

    private static JsonNode input(String member, JsonNode input) {
        return Parts.JSON.objectNode().set(member, input);
    }

    void read(String kind, String name, Map<String, String> config, byte[] bytes) {
        add(kind, name, config).set("input", input("bytes", Runner.bytes(bytes)));
    }

    void write(String kind, String name, Map<String, String> config, SchemaAndValue value) {
        add(kind, name, config).set("input", input("value", Parts.encode(value.schema(), value.value())));
    }
}
