package messina.oracle;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.connect.data.ConnectSchema;
import org.apache.kafka.connect.data.Decimal;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.data.Time;
import org.apache.kafka.connect.data.Timestamp;

/** A value with its schema as JSON, both ways: the `Part` of the vectors' format. */
final class Parts {
    static final JsonNodeFactory JSON = JsonNodeFactory.instance;
    private static final long DAY = 86_400_000L;
    private static final String DATE = org.apache.kafka.connect.data.Date.LOGICAL_NAME;

    private Parts() {}

    static ObjectNode encode(Schema schema, Object value) {
        ObjectNode part = JSON.objectNode();
        part.set("s", schema == null ? JSON.nullNode() : schema(schema));
        part.set("p", schema == null ? tagged(value) : payload(schema, value));
        return part;
    }

    static SchemaAndValue decode(JsonNode part) {
        if (part.get("s").isNull()) {
            return new SchemaAndValue(null, untag(part.get("p")));
        }
        Schema schema = schema(part.get("s"));
        return new SchemaAndValue(schema, value(schema, part.get("p")));
    }

    private static ObjectNode tag(String name, JsonNode value) {
        ObjectNode node = JSON.objectNode();
        node.set(name, value);
        return node;
    }

    static JsonNode tagged(Object value) {
        if (value == null) {
            return JSON.nullNode();
        } else if (value instanceof Boolean flag) {
            return JSON.booleanNode(flag);
        } else if (value instanceof String text) {
            return JSON.textNode(text);
        } else if (value instanceof Byte number) {
            return tag("i8", JSON.numberNode(number));
        } else if (value instanceof Short number) {
            return tag("i16", JSON.numberNode(number));
        } else if (value instanceof Integer number) {
            return tag("i32", JSON.numberNode(number));
        } else if (value instanceof Long number) {
            return tag("i64", JSON.numberNode(number));
        } else if (value instanceof Float number) {
            return tag("f32", JSON.textNode(number.toString()));
        } else if (value instanceof Double number) {
            return tag("f64", JSON.textNode(number.toString()));
        } else if (value instanceof byte[] || value instanceof ByteBuffer) {
            return tag("bytes", JSON.textNode(base64(value)));
        } else if (value instanceof Date date) {
            return tag("date", JSON.numberNode(date.getTime()));
        } else if (value instanceof BigDecimal decimal) {
            return tag("dec", JSON.textNode(decimal.toString()));
        } else if (value instanceof BigInteger number) {
            return tag("bigint", JSON.textNode(number.toString()));
        } else if (value instanceof Struct struct) {
            return tag("struct", encode(struct.schema(), struct));
        } else if (value instanceof List<?> list) {
            ArrayNode array = JSON.arrayNode();
            list.forEach(element -> array.add(tagged(element)));
            return array;
        } else if (value instanceof Map<?, ?> map) {
            ArrayNode pairs = JSON.arrayNode();
            sorted(map).forEach(entry -> pairs.add(JSON.arrayNode().add(tagged(entry.getKey())).add(tagged(entry.getValue()))));
            return tag("map", pairs);
        }
        throw new IllegalStateException("no tag for " + value.getClass());
    }

    private static List<Map.Entry<?, ?>> sorted(Map<?, ?> map) {
        List<Map.Entry<?, ?>> entries = new ArrayList<>(map.entrySet());
        entries.sort(Comparator.comparing(entry -> String.valueOf(entry.getKey())));
        return entries;
    }

    private static String base64(Object value) {
        if (value instanceof ByteBuffer buffer) {
            byte[] bytes = new byte[buffer.remaining()];
            buffer.duplicate().get(bytes);
            return Base64.getEncoder().encodeToString(bytes);
        }
        return Base64.getEncoder().encodeToString((byte[]) value);
    }

    static Object untag(JsonNode node) {
        if (node.isNull()) {
            return null;
        } else if (node.isBoolean()) {
            return node.booleanValue();
        } else if (node.isTextual()) {
            return node.textValue();
        } else if (node.isArray()) {
            List<Object> list = new ArrayList<>();
            node.forEach(element -> list.add(untag(element)));
            return list;
        }
        Map.Entry<String, JsonNode> tag = node.fields().next();
        JsonNode value = tag.getValue();
        return switch (tag.getKey()) {
            case "i8" -> (byte) value.intValue();
            case "i16" -> (short) value.intValue();
            case "i32" -> value.intValue();
            case "i64" -> value.longValue();
            case "f32" -> Float.valueOf(value.textValue());
            case "f64" -> Double.valueOf(value.textValue());
            case "bytes" -> Base64.getDecoder().decode(value.textValue());
            case "date" -> new Date(value.longValue());
            case "dec" -> new BigDecimal(value.textValue());
            case "bigint" -> new BigInteger(value.textValue());
            case "struct" -> decode(value).value();
            case "map" -> {
                Map<Object, Object> map = new LinkedHashMap<>();
                value.forEach(pair -> map.put(untag(pair.get(0)), untag(pair.get(1))));
                yield map;
            }
            default -> throw new IllegalStateException("unknown tag " + tag.getKey());
        };
    }

    private static String typeName(Schema.Type type) {
        return switch (type) {
            case FLOAT32 -> "float";
            case FLOAT64 -> "double";
            default -> type.getName();
        };
    }

    private static JsonNode orNull(Schema schema) {
        return schema == null ? JSON.nullNode() : schema(schema);
    }

    static ObjectNode schema(Schema schema) {
        ObjectNode node = JSON.objectNode();
        node.put("type", typeName(schema.type()));
        switch (schema.type()) {
            case ARRAY -> node.set("items", orNull(schema.valueSchema()));
            case MAP -> {
                node.set("keys", orNull(schema.keySchema()));
                node.set("values", orNull(schema.valueSchema()));
            }
            case STRUCT -> {
                ArrayNode fields = node.putArray("fields");
                for (Field field : schema.fields()) {
                    fields.add(schema(field.schema()).put("field", field.name()));
                }
            }
            default -> { }
        }
        node.put("optional", schema.isOptional());
        if (schema.name() != null) {
            node.put("name", schema.name());
        }
        if (schema.version() != null) {
            node.put("version", schema.version());
        }
        if (schema.doc() != null) {
            node.put("doc", schema.doc());
        }
        if (schema.parameters() != null && !schema.parameters().isEmpty()) {
            ObjectNode parameters = node.putObject("parameters");
            new TreeMap<>(schema.parameters()).forEach(parameters::put);
        }
        if (schema.defaultValue() != null) {
            node.set("default", payload(schema, schema.defaultValue()));
        }
        return node;
    }

    static Schema schema(JsonNode node) {
        SchemaBuilder builder = switch (node.get("type").textValue()) {
            case "boolean" -> SchemaBuilder.bool();
            case "int8" -> SchemaBuilder.int8();
            case "int16" -> SchemaBuilder.int16();
            case "int32" -> SchemaBuilder.int32();
            case "int64" -> SchemaBuilder.int64();
            case "float" -> SchemaBuilder.float32();
            case "double" -> SchemaBuilder.float64();
            case "bytes" -> SchemaBuilder.bytes();
            case "string" -> SchemaBuilder.string();
            case "array" -> SchemaBuilder.array(schema(node.get("items")));
            case "map" -> SchemaBuilder.map(schema(node.get("keys")), schema(node.get("values")));
            case "struct" -> SchemaBuilder.struct();
            default -> throw new IllegalStateException("unknown type " + node);
        };
        if (node.has("fields")) {
            node.get("fields").forEach(field -> builder.field(field.get("field").textValue(), schema(field)));
        }
        if (node.get("optional").booleanValue()) {
            builder.optional();
        }
        if (node.has("name")) {
            builder.name(node.get("name").textValue());
        }
        if (node.has("version")) {
            builder.version(node.get("version").intValue());
        }
        if (node.has("doc")) {
            builder.doc(node.get("doc").textValue());
        }
        if (node.has("parameters")) {
            node.get("parameters").fields().forEachRemaining(entry -> builder.parameter(entry.getKey(), entry.getValue().textValue()));
        }
        if (node.has("default")) {
            builder.defaultValue(value(builder.build(), node.get("default")));
        }
        return builder.build();
    }

    private static JsonNode payload(Schema schema, Object value) {
        if (value == null) {
            return JSON.nullNode();
        }
        JsonNode fitting = fitting(schema, value);
        return fitting == null ? tag("!raw", tagged(value)) : fitting;
    }

    /** The payload of a value that fits its schema, or null. */
    private static JsonNode fitting(Schema schema, Object value) {
        JsonNode logical = logical(schema, value);
        if (logical != null) {
            return logical.isMissingNode() ? null : logical;
        }
        switch (schema.type()) {
            case BOOLEAN: return value instanceof Boolean flag ? JSON.booleanNode(flag) : null;
            case INT8: return value instanceof Byte number ? JSON.numberNode(number) : null;
            case INT16: return value instanceof Short number ? JSON.numberNode(number) : null;
            case INT32: return value instanceof Integer number ? JSON.numberNode(number) : null;
            case INT64: return value instanceof Long number ? JSON.numberNode(number) : null;
            case FLOAT32: return value instanceof Float number ? floating(number, number.isNaN() || number.isInfinite()) : null;
            case FLOAT64: return value instanceof Double number ? floating(number, number.isNaN() || number.isInfinite()) : null;
            case STRING: return value instanceof String text ? JSON.textNode(text) : null;
            case BYTES: return value instanceof byte[] || value instanceof ByteBuffer ? JSON.textNode(base64(value)) : null;
            case ARRAY: {
                if (!(value instanceof List<?> list)) {
                    return null;
                }
                ArrayNode array = JSON.arrayNode();
                list.forEach(element -> array.add(below(schema.valueSchema(), element)));
                return array;
            }
            case MAP: return value instanceof Map<?, ?> map ? mapping(schema, map) : null;
            case STRUCT: {
                if (!(value instanceof Struct struct) || !struct.schema().equals(schema)) {
                    return null;
                }
                ObjectNode object = JSON.objectNode();
                for (Field field : schema.fields()) {
                    object.set(field.name(), payload(field.schema(), struct.getWithoutDefault(field.name())));
                }
                return object;
            }
            default: throw new IllegalStateException();
        }
    }

    private static JsonNode floating(Number number, boolean special) {
        if (special) {
            return JSON.textNode(number.toString());
        }
        return number instanceof Float single ? JSON.numberNode(single.floatValue()) : JSON.numberNode(number.doubleValue());
    }

    private static JsonNode below(Schema schema, Object value) {
        return schema == null ? tagged(value) : payload(schema, value);
    }

    private static JsonNode mapping(Schema schema, Map<?, ?> map) {
        boolean named = schema.keySchema() != null && schema.keySchema().type() == Schema.Type.STRING
            && map.keySet().stream().allMatch(String.class::isInstance);
        ObjectNode object = JSON.objectNode();
        ArrayNode pairs = JSON.arrayNode();
        for (Map.Entry<?, ?> entry : sorted(map)) {
            JsonNode value = below(schema.valueSchema(), entry.getValue());
            object.set(String.valueOf(entry.getKey()), value);
            pairs.add(JSON.arrayNode().add(below(schema.keySchema(), entry.getKey())).add(value));
        }
        return named ? object : pairs;
    }

    /** The payload of a logical type; null where the schema is none, missing where the value does not fit. */
    private static JsonNode logical(Schema schema, Object value) {
        JsonNode none = com.fasterxml.jackson.databind.node.MissingNode.getInstance();
        String name = schema.name() == null ? "" : schema.name();
        Schema.Type type = schema.type();
        if (name.equals(Decimal.LOGICAL_NAME) && type == Schema.Type.BYTES) {
            String scale = schema.parameters() == null ? null : schema.parameters().get("scale");
            return value instanceof BigDecimal decimal && String.valueOf(decimal.scale()).equals(scale)
                ? JSON.textNode(Base64.getEncoder().encodeToString(decimal.unscaledValue().toByteArray())) : none;
        } else if (name.equals(DATE) && type == Schema.Type.INT32) {
            return value instanceof Date date && Math.floorMod(date.getTime(), DAY) == 0
                && (int) (date.getTime() / DAY) == date.getTime() / DAY ? JSON.numberNode((int) (date.getTime() / DAY)) : none;
        } else if (name.equals(Time.LOGICAL_NAME) && type == Schema.Type.INT32) {
            return value instanceof Date date && date.getTime() >= 0 && date.getTime() <= DAY
                ? JSON.numberNode((int) date.getTime()) : none;
        } else if (name.equals(Timestamp.LOGICAL_NAME) && type == Schema.Type.INT64) {
            return value instanceof Date date ? JSON.numberNode(date.getTime()) : none;
        }
        return null;
    }

    private static Object value(Schema schema, JsonNode node) {
        if (node.isNull()) {
            return null;
        }
        if (node.isObject() && node.has("!raw")) {
            return untag(node.get("!raw"));
        }
        String name = schema.name() == null ? "" : schema.name();
        if (name.equals(Decimal.LOGICAL_NAME) && schema.type() == Schema.Type.BYTES) {
            return new BigDecimal(new BigInteger(Base64.getDecoder().decode(node.textValue())), Integer.parseInt(schema.parameters().get("scale")));
        } else if (name.equals(DATE) && schema.type() == Schema.Type.INT32) {
            return new Date(node.longValue() * DAY);
        } else if ((name.equals(Time.LOGICAL_NAME) && schema.type() == Schema.Type.INT32)
            || (name.equals(Timestamp.LOGICAL_NAME) && schema.type() == Schema.Type.INT64)) {
            return new Date(node.longValue());
        }
        return switch (schema.type()) {
            case BOOLEAN -> node.booleanValue();
            case INT8 -> (byte) node.intValue();
            case INT16 -> (short) node.intValue();
            case INT32 -> node.intValue();
            case INT64 -> node.longValue();
            case FLOAT32 -> node.isTextual() ? Float.valueOf(node.textValue()) : (Object) (float) node.doubleValue();
            case FLOAT64 -> node.isTextual() ? Double.valueOf(node.textValue()) : (Object) node.doubleValue();
            case STRING -> node.textValue();
            case BYTES -> Base64.getDecoder().decode(node.textValue());
            case ARRAY -> {
                List<Object> list = new ArrayList<>();
                node.forEach(element -> list.add(value(schema.valueSchema(), element)));
                yield list;
            }
            case MAP -> {
                Map<Object, Object> map = new LinkedHashMap<>();
                if (node.isObject()) {
                    node.fields().forEachRemaining(entry -> map.put(entry.getKey(), value(schema.valueSchema(), entry.getValue())));
                } else {
                    node.forEach(pair -> map.put(value(schema.keySchema(), pair.get(0)), value(schema.valueSchema(), pair.get(1))));
                }
                yield map;
            }
            case STRUCT -> {
                Struct struct = new Struct(schema);
                for (Field field : schema.fields()) {
                    Object own = value(field.schema(), node.get(field.name()));
                    if (own != null) {
                        ConnectSchema.validateValue(field.name(), field.schema(), own);
                        struct.put(field, own);
                    }
                }
                yield struct;
            }
        };
    }
}
