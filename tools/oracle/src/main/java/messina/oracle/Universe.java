package messina.oracle;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.data.Decimal;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.data.Time;
import org.apache.kafka.connect.data.Timestamp;

/** Values of every type and shape. */
final class Universe {
    static final Schema POINT = SchemaBuilder.struct().optional().field("x", Schema.INT32_SCHEMA).field("y", Schema.OPTIONAL_STRING_SCHEMA).build();
    static final Schema SMALL = SchemaBuilder.struct().name("Small").version(2).doc("a row").parameter("p", "1").optional()
        .field("id", Schema.INT64_SCHEMA).field("s", Schema.OPTIONAL_STRING_SCHEMA)
        .field("d", SchemaBuilder.int32().optional().defaultValue(7).build()).field("at", Timestamp.SCHEMA).field("point", POINT).build();
    static final Schema WIDE = SchemaBuilder.struct()
        .field("i8", Schema.INT8_SCHEMA).field("i16", Schema.OPTIONAL_INT16_SCHEMA).field("i32", Schema.INT32_SCHEMA)
        .field("f32", Schema.FLOAT32_SCHEMA).field("f64", Schema.OPTIONAL_FLOAT64_SCHEMA).field("b", Schema.BOOLEAN_SCHEMA)
        .field("raw", Schema.OPTIONAL_BYTES_SCHEMA).field("day", org.apache.kafka.connect.data.Date.SCHEMA)
        .field("time", Time.builder().optional().build()).field("dec", Decimal.schema(2))
        .field("list", SchemaBuilder.array(Schema.INT32_SCHEMA).optional().build())
        .field("map", SchemaBuilder.map(Schema.STRING_SCHEMA, Schema.OPTIONAL_INT64_SCHEMA).build()).build();
    /** Fits no struct with a map in it; Flatten wants such. */
    static final Schema DEEP = SchemaBuilder.struct().name("Deep").optional()
        .field("a", SchemaBuilder.struct().field("b", SchemaBuilder.struct().optional().field("c", Schema.INT32_SCHEMA)
            .field("d", SchemaBuilder.string().defaultValue("dd").build()).build()).field("e", Schema.FLOAT64_SCHEMA).build())
        .field("list", SchemaBuilder.array(POINT).build()).field("id", Schema.STRING_SCHEMA).build();

    private Universe() {}

    static Struct point(int x, String y) {
        return new Struct(POINT).put("x", x).put("y", y);
    }

    static Struct small() {
        return new Struct(SMALL).put("id", 7L).put("s", "text").put("at", new Date(1_700_000_000_123L)).put("point", point(1, null));
    }

    static Struct wide() {
        return new Struct(WIDE).put("i8", (byte) -128).put("i16", (short) 300).put("i32", Integer.MAX_VALUE).put("f32", 1.5f).put("f64", -1e21)
            .put("b", true).put("raw", new byte[] {0, 1, -1}).put("day", new Date(19_000 * 86_400_000L)).put("time", new Date(3_600_001))
            .put("dec", new BigDecimal("-12.34")).put("list", List.of(1, 2)).put("map", Map.of("k", 5L));
    }

    static Struct deep(boolean inner) {
        Schema a = DEEP.field("a").schema();
        Schema b = a.field("b").schema();
        return new Struct(DEEP).put("a", new Struct(a).put("b", inner ? new Struct(b).put("c", 3).put("d", "x") : null).put("e", 0.5))
            .put("list", List.of(point(1, "p"))).put("id", "deep");
    }

    static Map<Object, Object> map(Object... pairs) {
        Map<Object, Object> map = new LinkedHashMap<>();
        for (int index = 0; index < pairs.length; index += 2) {
            map.put(pairs[index], pairs[index + 1]);
        }
        return map;
    }

    static Map<Object, Object> smallMap() {
        return map("id", 7L, "s", "text", "d", null, "at", 1_700_000_000_123L, "point", map("x", 1L, "y", null));
    }

    static Map<Object, Object> wideMap() {
        return map("i8", (byte) -128, "i16", (short) 300, "i32", 70_000, "f32", 1.5f, "f64", -1e21, "b", true, "raw", new byte[] {0, 1, -1},
            "day", new Date(19_000 * 86_400_000L), "dec", new BigDecimal("-12.34"), "list", Arrays.asList(1L, null, "x"), "map", map("k", 5L), "e", map());
    }

    static SchemaAndValue of(Schema schema, Object value) {
        return new SchemaAndValue(schema, value);
    }

    /** Every kind of part: the right side of the cross product with every transform's options. */
    static List<SchemaAndValue> parts() {
        List<SchemaAndValue> parts = new ArrayList<>(List.of(
            of(null, null), of(SMALL, null), of(Schema.OPTIONAL_STRING_SCHEMA, null), of(Schema.OPTIONAL_INT64_SCHEMA, null),
            of(null, map()), of(null, smallMap()), of(null, wideMap()), of(null, map("a", map("b", map("c", 1L), "e", map()), "list", List.of(map("x", 1L)))),
            of(SMALL, small()), of(WIDE, wide()), of(DEEP, deep(true)), of(DEEP, deep(false)),
            of(null, "text"), of(null, 5L), of(null, 1.5), of(null, true), of(null, List.of(1L, 2L)), of(null, new byte[] {1}), of(null, new Date(0)),
            of(Schema.STRING_SCHEMA, "text"), of(Schema.OPTIONAL_INT32_SCHEMA, 5), of(Schema.FLOAT64_SCHEMA, 1.5), of(Schema.BOOLEAN_SCHEMA, false),
            of(SchemaBuilder.int64().doc("d").name("n").build(), 1_700_000_000_123L), of(Timestamp.SCHEMA, new Date(1_700_000_000_123L)),
            of(SchemaBuilder.array(Schema.INT32_SCHEMA).build(), List.of(1, 2)), of(Schema.BYTES_SCHEMA, new byte[] {1}),
            of(SchemaBuilder.map(Schema.STRING_SCHEMA, Schema.INT64_SCHEMA).build(), Map.of("id", 7L)), of(Decimal.schema(2), new BigDecimal("1.20"))));
        return parts;
    }

    /** Scalars of every type at their limits. */
    static List<SchemaAndValue> scalars() {
        List<SchemaAndValue> all = new ArrayList<>();
        for (byte value : new byte[] {0, 1, -128, 127}) {
            all.add(of(Schema.INT8_SCHEMA, value));
        }
        for (short value : new short[] {0, 300, -32768}) {
            all.add(of(Schema.INT16_SCHEMA, value));
        }
        for (int value : new int[] {0, 70_000, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
            all.add(of(Schema.INT32_SCHEMA, value));
        }
        for (long value : new long[] {0, 5_000_000_000L, Long.MIN_VALUE, Long.MAX_VALUE}) {
            all.add(of(Schema.INT64_SCHEMA, value));
        }
        for (float value : new float[] {0f, -0f, 0.9f, -1.5f, 1e10f, Float.MAX_VALUE, Float.NaN, Float.NEGATIVE_INFINITY}) {
            all.add(of(Schema.FLOAT32_SCHEMA, value));
        }
        for (double value : new double[] {0, -0.0, 0.9, -0.9, 1e-7, 3e10, 1e21, 123456.789, Double.MAX_VALUE, Double.NaN, Double.POSITIVE_INFINITY}) {
            all.add(of(Schema.FLOAT64_SCHEMA, value));
        }
        all.add(of(Schema.BOOLEAN_SCHEMA, true));
        all.add(of(Schema.BOOLEAN_SCHEMA, false));
        for (String value : TEXTS) {
            all.add(of(Schema.STRING_SCHEMA, value));
        }
        all.add(of(Schema.BYTES_SCHEMA, new byte[] {}));
        all.add(of(Schema.BYTES_SCHEMA, new byte[] {-1, 0, 65}));
        for (long value : new long[] {0, 1, 86_400_000L, 1_700_000_000_123L, -1, -86_400_000L}) {
            all.add(of(Timestamp.SCHEMA, new Date(value)));
        }
        all.add(of(org.apache.kafka.connect.data.Date.SCHEMA, new Date(19_000 * 86_400_000L)));
        all.add(of(org.apache.kafka.connect.data.Date.SCHEMA, new Date(0)));
        all.add(of(Time.SCHEMA, new Date(3_600_001)));
        all.add(of(Decimal.schema(2), new BigDecimal("-12.34")));
        all.add(of(Decimal.schema(0), new BigDecimal(new BigInteger("98765432109876543210"))));
        all.add(of(Decimal.schema(-3), new BigDecimal("1E+3")));
        all.add(of(Decimal.schema(10), new BigDecimal("0.0000000001")));
        return all;
    }

    static final List<String> TEXTS = List.of("", "1", "+1", "-1", "007", " 1", "1 ", "1.5", "1e3", "128", "-129", "32768", "2147483648",
        "9223372036854775807", "9223372036854775808", "NaN", "-Infinity", "0x1p3", "1f", "1D", ".5", "5.", "1e400", "1_000", "\u0661", "true", "TRUE",
        "tRue", "yes", "false", "-", "+", "abc", "-0", "-0.0", "0.1", "\u00e9\ud83d\ude00");
}
