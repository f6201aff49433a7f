package messina.oracle;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.header.ConnectHeaders;
import org.apache.kafka.connect.header.Header;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.runtime.ConnectorConfig;
import org.apache.kafka.connect.runtime.TransformationStage;
import org.apache.kafka.connect.runtime.isolation.Plugins;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.storage.Converter;
import org.apache.kafka.connect.storage.SimpleHeaderConverter;
import org.apache.kafka.connect.storage.StringConverter;
import org.apache.kafka.connect.transforms.Transformation;
import org.apache.kafka.connect.transforms.predicates.Predicate;
import org.apache.kafka.connect.util.ConnectorTaskId;

/** Runs one case with the original classes and says what they answered. */
final class Runner {
    private static final String TRANSFORMS = "org.apache.kafka.connect.transforms.";
    private final Plugins plugins = new Plugins(Map.of());

    /** The member `expect` of a case. */
    ObjectNode run(JsonNode test) {
        Map<String, String> config = new LinkedHashMap<>();
        test.get("config").fields().forEachRemaining(entry -> config.put(entry.getKey(), entry.getValue().textValue()));
        String name = test.get("class").textValue();
        return switch (test.get("kind").textValue()) {
            case "smt" -> transform(name, config, record(test.get("record")));
            case "predicate" -> predicate(name, config, record(test.get("record")));
            case "chain" -> chain(config, record(test.get("record")));
            case "converter" -> converter(name, config, test.get("input"));
            default -> header(test.get("input"));
        };
    }

    private static ObjectNode outcome(String outcome) {
        return Parts.JSON.objectNode().put("outcome", outcome);
    }

    private static ObjectNode thrown(String outcome, Throwable error) {
        String message = error.getMessage();
        return outcome(outcome).put("class", error.getClass().getName())
            .put("message", message == null ? null : message.replaceAll("@[0-9a-f]{3,8}", "@*"));
    }

    @SuppressWarnings("unchecked")
    private static <T> T create(String name) {
        try {
            return (T) Class.forName(name).getDeclaredConstructor().newInstance();
        } catch (ReflectiveOperationException error) {
            throw new IllegalStateException(error);
        }
    }

    private ObjectNode transform(String name, Map<String, String> config, SinkRecord record) {
        Transformation<SinkRecord> transform;
        try {
            transform = create(TRANSFORMS + name);
            transform.configure(config);
        } catch (RuntimeException error) {
            return thrown("config_error", error);
        }
        try (transform) {
            SinkRecord result = transform.apply(record);
            return result == null ? outcome("dropped") : (ObjectNode) outcome("record").set("record", encode(result));
        } catch (RuntimeException error) {
            return thrown("error", error);
        }
    }

    private ObjectNode predicate(String name, Map<String, String> config, SinkRecord record) {
        Predicate<SinkRecord> predicate;
        try {
            predicate = create(TRANSFORMS + "predicates." + name);
            predicate.configure(config);
        } catch (RuntimeException error) {
            return thrown("config_error", error);
        }
        try (predicate) {
            return outcome("record").put("result", predicate.test(record));
        } catch (RuntimeException error) {
            return thrown("error", error);
        }
    }

    private ObjectNode chain(Map<String, String> config, SinkRecord record) {
        Map<String, String> all = new LinkedHashMap<>(config);
        all.put("name", "c");
        all.put("connector.class", "org.apache.kafka.connect.tools.MockSinkConnector");
        all.put("tasks.max", "1");
        List<TransformationStage<SinkRecord>> stages;
        try {
            stages = new ConnectorConfig(plugins, all).transformationStages(plugins, new ConnectorTaskId("c", 0), Stages.metrics());
        } catch (RuntimeException error) {
            return thrown("config_error", error);
        }
        SinkRecord result = record;
        for (int index = 0; index < stages.size(); index++) {
            try {
                result = stages.get(index).apply(result);
            } catch (RuntimeException error) {
                return thrown("error", error).put("stage", String.valueOf(index));
            }
            if (result == null) {
                return outcome("dropped").put("stage", String.valueOf(index));
            }
        }
        return (ObjectNode) outcome("record").set("record", encode(result));
    }

    /** The two halves of a converter of values or of headers. */
    private interface Halves {
        SchemaAndValue read(byte[] bytes);

        byte[] write(SchemaAndValue value);
    }

    private ObjectNode converter(String name, Map<String, String> config, JsonNode input) {
        Converter converter;
        try {
            converter = name.equals("JsonConverter") ? new JsonConverter()
                : name.equals("StringConverter") ? new StringConverter()
                : create("org.apache.kafka.connect.converters." + name);
            converter.configure(config, false);
        } catch (RuntimeException error) {
            return thrown("config_error", error);
        }
        return halves(name, input, new Halves() {
            @Override
            public SchemaAndValue read(byte[] bytes) {
                return converter.toConnectData("t", bytes);
            }

            @Override
            public byte[] write(SchemaAndValue value) {
                return converter.fromConnectData("t", value.schema(), value.value());
            }
        });
    }

    private ObjectNode header(JsonNode input) {
        SimpleHeaderConverter converter = new SimpleHeaderConverter();
        return halves("SimpleHeaderConverter", input, new Halves() {
            @Override
            public SchemaAndValue read(byte[] bytes) {
                return converter.toConnectHeader("t", "h", bytes);
            }

            @Override
            public byte[] write(SchemaAndValue value) {
                return converter.fromConnectHeader("t", "h", value.schema(), value.value());
            }
        });
    }

    private static ObjectNode halves(String name, JsonNode input, Halves halves) {
        boolean reads = input.has("bytes");
        SchemaAndValue value = reads ? null : Parts.decode(input.get("value"));
        byte[] bytes = reads ? bytes(input.get("bytes")) : null;
        ObjectNode known = Parts.JSON.objectNode();
        for (String stage : reads ? List.of("read", "write") : List.of("write", "read")) {
            try {
                if (stage.equals("read")) {
                    value = halves.read(bytes);
                    value = value == null ? SchemaAndValue.NULL : value;
                    known.set("value", Parts.encode(value.schema(), value.value()));
                } else {
                    bytes = halves.write(value);
                    known.set("bytes", bytes(bytes));
                }
            } catch (RuntimeException error) {
                return (ObjectNode) thrown("error", error).put("stage", stage).setAll(known);
            }
        }
        ObjectNode expect = (ObjectNode) outcome("record").setAll(known);
        String text = known.toString();
        Object written = reads ? value.value() : Parts.decode(input.get("value")).value();
        if (text.matches("(?s).*\\[B@[0-9a-f]+.*")) {
            // An address is another one each time.
            expect.put("address", true);
            expect.set("bytes", Parts.JSON.objectNode().put("utf8", "[B@*"));
            expect.set("value", Parts.JSON.objectNode().putNull("s").put("p", "[B@*"));
        } else if (!name.equals("JsonConverter") && several(written)) {
            expect.put("unordered", true);
        }
        return expect;
    }

    /** Whether a map of more than one entry is inside: their order in a text has no say. */
    private static boolean several(Object value) {
        if (value instanceof Map<?, ?> map) {
            return map.size() > 1 || map.values().stream().anyMatch(Runner::several) || map.keySet().stream().anyMatch(Runner::several);
        } else if (value instanceof List<?> list) {
            return list.stream().anyMatch(Runner::several);
        }
        return value instanceof Struct struct && struct.schema().fields().stream().anyMatch(field -> several(struct.get(field)));
    }

    static byte[] bytes(JsonNode node) {
        if (node.isNull()) {
            return null;
        }
        return node.has("utf8") ? node.get("utf8").textValue().getBytes(StandardCharsets.UTF_8)
            : Base64.getDecoder().decode(node.get("b64").textValue());
    }

    static JsonNode bytes(byte[] bytes) {
        if (bytes == null) {
            return Parts.JSON.nullNode();
        }
        try {
            String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
            return Parts.JSON.objectNode().put("utf8", text);
        } catch (CharacterCodingException error) {
            return Parts.JSON.objectNode().put("b64", Base64.getEncoder().encodeToString(bytes));
        }
    }

    static SinkRecord record(JsonNode node) {
        SchemaAndValue key = Parts.decode(node.get("key"));
        SchemaAndValue value = Parts.decode(node.get("value"));
        ConnectHeaders headers = new ConnectHeaders();
        node.get("headers").forEach(header -> headers.add(header.get(0).textValue(), Parts.decode(header.get(1))));
        boolean timed = !node.get("ts").isNull();
        return new SinkRecord(node.get("topic").textValue(), node.get("partition").intValue(), key.schema(), key.value(),
            value.schema(), value.value(), node.get("offset").longValue(), timed ? node.get("ts").longValue() : null,
            timed ? TimestampType.CREATE_TIME : TimestampType.NO_TIMESTAMP_TYPE, headers);
    }

    private static ObjectNode encode(SinkRecord record) {
        ObjectNode node = Parts.JSON.objectNode().put("topic", record.topic()).put("partition", record.kafkaPartition())
            .put("offset", record.kafkaOffset()).put("ts", record.timestamp());
        node.set("key", Parts.encode(record.keySchema(), record.key()));
        node.set("value", Parts.encode(record.valueSchema(), record.value()));
        ArrayNode headers = node.putArray("headers");
        for (Header header : record.headers()) {
            headers.add(Parts.JSON.arrayNode().add(header.key()).add(Parts.encode(header.schema(), header.value())));
        }
        return node;
    }
}
