package messina.oracle;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;

/** Seeded random parts of a few fields, each through one transform with options about these fields. */
final class RandomCases {
    private static final String[] NAMES = {"a", "b", "c", "d"};
    private static final int EACH = 200;
    private final Cases cases;
    private final Random random = new Random(20261124);
    private final List<SchemaAndValue> scalars = Universe.scalars();

    RandomCases(Cases cases) {
        this.cases = cases;
    }

    void all() {
        for (String name : List.of("Cast$Value", "ExtractField$Value", "Flatten$Value", "HeaderFrom$Value", "HoistField$Value", "InsertField$Value", "MaskField$Value", "ReplaceField$Value",
            "SetSchemaMetadata$Value", "TimestampConverter$Value", "ValueToKey")) {
            for (int count = 0; count < EACH; count++) {
                SchemaAndValue part = part();
                cases.transform(name, config(name), Cases.record(part(), part, random.nextBoolean() ? 5L : null));
            }
        }
        for (int count = 0; count < 3 * EACH; count++) {
            Map<String, String> config = Cases.config("schemas.enable", pick("true", "false"), "decimal.format", pick("BASE64", "NUMERIC"), "replace.null.with.default", pick("true", "false"));
            cases.write("converter", "JsonConverter", config, part());
        }
    }

    private String pick(String... of) {
        return of[random.nextInt(of.length)];
    }

    private String name() {
        return pick(NAMES);
    }

    private Map<String, String> config(String name) {
        String replace = pick("true", "false");
        String types = "int8 int16 int32 int64 float32 float64 boolean string";
        Map<String, String> config = switch (name) {
            case "Cast$Value" -> Cases.config("spec", "a:" + pick(types.split(" ")) + ",c:" + pick(types.split(" ")));
            case "ExtractField$Value" -> Cases.config("field", pick("a", "b", "c.a", "d.b", "d"), "field.syntax.version", pick("V1", "V2"));
            case "Flatten$Value" -> Cases.config("delimiter", pick(".", "_"));
            case "HeaderFrom$Value" -> Cases.config("fields", name() + ",d", "headers", "h,i", "operation", pick("move", "copy"));
            case "HoistField$Value" -> Cases.config("field", "w");
            case "InsertField$Value" -> Cases.config("topic.field", pick("a", "t!"), "timestamp.field", "ts" + pick("", "!", "?"));
            case "MaskField$Value" -> random.nextBoolean() ? Cases.config("fields", "a,b") : Cases.config("fields", name(), "replacement", pick("1", "1.5", "x", "300"));
            case "ReplaceField$Value" -> Cases.config(pick("exclude", "include"), name() + "," + name(), "renames", name() + ":" + pick("z", "y"));
            case "SetSchemaMetadata$Value" -> Cases.config("schema.name", pick("N", "n.M"), "schema.version", pick("1", "-3"));
            case "TimestampConverter$Value" -> Cases.config("field", name(), "target.type", pick("string", "unix", "Date", "Time", "Timestamp"), "format", pick("yyyy-MM-dd", "HH:mm:ss"), "unix.precision", pick("seconds", "milliseconds"));
            default -> Cases.config("fields", name() + "," + name());
        };
        config.put("replace.null.with.default", replace);
        return config;
    }

    private SchemaAndValue part() {
        if (random.nextInt(20) == 0) {
            return scalars.get(random.nextInt(scalars.size()));
        }
        return random.nextBoolean() ? Cases.bare(map(2)) : struct(2);
    }

    private SchemaAndValue scalar() {
        return scalars.get(random.nextInt(scalars.size()));
    }

    private Map<Object, Object> map(int depth) {
        Map<Object, Object> map = Universe.map();
        for (String name : NAMES) {
            int kind = random.nextInt(10);
            if (kind == 0) {
                map.put(name, null);
            } else if (kind == 1 && depth > 0) {
                map.put(name, map(depth - 1));
            } else if (kind == 2) {
                map.put(name, new ArrayList<>(List.of(scalar().value(), scalar().value())));
            } else if (kind < 8) {
                map.put(name, scalar().value());
            }
        }
        return map;
    }

    private static SchemaBuilder like(Schema schema) {
        SchemaBuilder builder = new SchemaBuilder(schema.type()).name(schema.name()).version(schema.version());
        if (schema.parameters() != null) {
            builder.parameters(schema.parameters());
        }
        return builder;
    }

    private SchemaAndValue struct(int depth) {
        SchemaBuilder builder = SchemaBuilder.struct();
        if (random.nextBoolean()) {
            builder.optional();
        }
        if (random.nextBoolean()) {
            builder.name("R").version(random.nextInt(3));
        }
        List<Object> values = new ArrayList<>();
        for (String name : NAMES) {
            int kind = random.nextInt(10);
            SchemaAndValue own = kind == 1 && depth > 0 ? struct(depth - 1) : scalar();
            if (kind == 0) {
                continue;
            } else if (kind < 3) {
                builder.field(name, own.schema());
                values.add(own.value());
            } else if (kind < 5) {
                builder.field(name, like(own.schema()).optional().build());
                values.add(random.nextBoolean() ? null : own.value());
            } else if (kind < 7) {
                builder.field(name, like(own.schema()).optional().defaultValue(own.value()).doc("d").build());
                values.add(null);
            } else if (kind < 8) {
                builder.field(name, SchemaBuilder.array(own.schema()).optional().build());
                values.add(new ArrayList<>(List.of(own.value())));
            } else {
                builder.field(name, like(own.schema()).build());
                values.add(own.value());
            }
        }
        Schema schema = builder.build();
        Struct struct = new Struct(schema);
        int index = 0;
        for (Field field : schema.fields()) {
            struct.put(field, values.get(index++));
        }
        return new SchemaAndValue(schema, struct);
    }
}
