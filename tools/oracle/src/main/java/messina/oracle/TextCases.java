package messina.oracle;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.kafka.connect.data.Decimal;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;

/** Texts at the edges of the grammars: JSON, envelopes, headers, numbers. Each is there because a mutant of ours survived without it. */
final class TextCases {
    private static final String JSON = "JsonConverter";
    private static final List<String> PLAIN = List.of("\"a\\\"b\\\\c\\/d\\be\\ff\\ng\\rh\\ti\\u0041j\"", "\"\\x\"", "\"\\\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\u+123\"", "\"\\ud800\\udc00\"", "\"\\udbff\\udfff\"", "\"\\ud7ff\"", "\"\\ue000\"",
        "\"\\ud7ff\\ue000\"", "\"a\\u00e9b\"", "\"\\u00e9\\\"\"", "\"abc", "\"a\nb\"", "\"a\\", "\"a\u007fb\"", "\ufeff1", "\ufeff{\"a\":1}", "\ufeff", "1\ufeff", " \t\r\n{ \"a\" : [ 1 , 2 ] ,\n\t\"b\" : { } } ", "  1", "\u000c1", "\u00a01",
        "{\"a\"}", "{\"a\" 1}", "{1:2}", "{\"a\":1,}", "{,}", "{\"a\":1 \"b\":2}", "[1 2]", "[,1]", "[1,,2]", "[", "{", "[1", "[1}", "{\"a\":1]", "tru", "trueX", "true_", "true$", "true1", "true.", "true ", "true,1", "nullx", "truefalse", "\u00e9", "true\u00e9",
        "1x", "1 x", "\"a\"x", "[]x", "1.", "1.e3", ".5", "-", "-a", "+1", "1e", "1e+", "1E+2", "1e-2", "-0", "00", "-007", "0.10", "1.5e", "1e5.5", "1.2.3", "1-", "1\t", "1\n", "1\u000b", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
        "18446744073709551616", "0.1e1", "1.0", "100000000000000000000000.5", "1e-400", "-1e-400", "4.9e-324", "1.7976931348623157e308", "1.7976931348623159e308", "[[],[[]],{}]", "{\"a\":{\"a\":{\"a\":null}}}", "\ufeff ", "{1\":2}", "{\"a\"x2}", "{\"a\",2}", "1e99999999999", "1e-99999999999", "1e2147483648", "[1e2147483647]", "1E99999999999", "1.5e-2147483646", "1.5e-2147483647", "15e-2147483647", "1.55e2147483648");
    private static final List<String> ENVELOPES = List.of("{\"type\":\"int32\",\"unknown\":{\"a\":[1,{}]}}", "{\"unknown\":[1],\"type\":\"int32\"}", "{\"type\":5}", "{\"type\":null}", "{\"type\":\"INT32\"}", "{\"type\":\"int32\",\"optional\":1}", "{\"type\":\"int32\",\"optional\":\"true\"}",
        "{\"type\":\"int32\",\"optional\":true}", "{\"type\":\"int32\",\"name\":5}", "{\"type\":\"int32\",\"name\":null,\"doc\":null}", "{\"type\":\"int32\",\"doc\":[1]}", "{\"type\":\"int32\",\"name\":{\"a\":1},\"optional\":true}", "{\"type\":\"int32\",\"version\":null}", "{\"type\":\"int32\",\"version\":\"1\"}", "{\"type\":\"int32\",\"version\":1.5}", "{\"type\":\"int32\",\"version\":2147483647}",
        "{\"type\":\"int32\",\"version\":-1}", "{\"type\":\"int32\",\"version\":4294967297}", "{\"type\":\"int32\",\"version\":[1]}", "{\"type\":\"int32\",\"parameters\":[\"a\"]}", "{\"type\":\"int32\",\"optional\":true,\"default\":null}", "{\"type\":\"string\",\"default\":5}", "{\"type\":\"array\",\"items\":{\"type\":\"int8\"},\"default\":[1,300]}", "{\"type\":\"array\",\"items\":{\"type\":\"struct\",\"fields\":[{\"type\":\"int8\",\"field\":\"a\"}]},\"default\":[{\"a\":1}]}", "{\"type\":\"array\",\"items\":{\"type\":\"int8\",\"optional\":true,\"default\":3},\"default\":[null]}", "{\"type\":\"struct\",\"default\":null,\"fields\":[]}", "{\"type\":\"struct\",\"default\":{},\"fields\":[]}", "{\"type\":\"struct\",\"default\":5,\"fields\":[]}", "{\"type\":\"struct\",\"fields\":[{\"type\":\"struct\",\"fields\":[],\"default\":{},\"field\":\"a\"}]}", "{\"type\":\"int32\",\"parameters\":null}", "{\"type\":\"int32\",\"parameters\":5}", "{\"type\":\"int32\",\"parameters\":{\"a\":1}}", "{\"type\":\"int32\",\"parameters\":{\"a\":null}}", "{\"type\":\"int32\",\"parameters\":{}}", "{\"type\":\"int32\",\"parameters\":{\"b\":\"1\",\"a\":\"2\",\"c\":\"\\\"\"}}",
        "{\"type\":\"int32\",\"default\":null}", "{\"type\":\"int32\",\"default\":7}", "{\"type\":\"int32\",\"optional\":true,\"default\":7}", "{\"type\":\"int32\",\"default\":\"x\"}", "{\"type\":\"array\"}", "{\"type\":\"map\",\"keys\":{\"type\":\"string\"}}", "{\"type\":\"struct\"}", "{\"type\":\"struct\",\"fields\":5}", "{\"type\":\"struct\",\"fields\":[]}",
        "{\"type\":\"struct\",\"fields\":[{\"type\":\"int32\"}]}", "{\"type\":\"struct\",\"fields\":[{\"type\":\"int32\",\"field\":\"a\"},{\"type\":\"int8\",\"field\":\"a\"}]}", "{\"type\":\"struct\",\"fields\":[5]}", "{\"type\":\"struct\",\"fields\":[{\"field\":\"a\",\"type\":\"int32\",\"default\":3}]}",
        "{\"type\":\"struct\",\"optional\":true,\"default\":{\"a\":null},\"fields\":[{\"type\":\"int32\",\"optional\":true,\"default\":4,\"field\":\"a\"}]}", "{\"type\":\"struct\",\"name\":\"n\\\"m\",\"doc\":\"d\\\\\",\"version\":3,\"fields\":[{\"type\":\"string\",\"optional\":true,\"default\":\"q\\\"\",\"doc\":\"x\",\"field\":\"a\\n\"}]}",
        "[1]", "\"int32\"", "1", "{}");
    private static final List<String> NUMBERS = List.of("0", "-0", "-0.0", "0.0", "1.25e1", "125e-1", "1e-1", "-1.9", "1e19", "1e63", "1e64", "1e65", "1.5e0", "12.5e1", "1.23e1", "0.0012e5", "123e-3", "123e-2", "1.5e64", "1e18", "9.3e18", "-1e-400", "-1e-50", "2147483648", "1e38", "3.5e38", "1e39", "1e-46", "0.1", "16777217", "1.0e2", "2.50", "1E3", "1e+3", "1e99", "1e99999999999", "-1e-99999999999", "1e2147483648", "1e-2147483648", "255", "65536", "4294967296");
    private static final List<String> HEADERS = List.of("\u00a0", "\u2003", "\u00a01", "\u20031", "1\u00a0", "1\u2003", "\u00011", "1\u0001", "\t1", "1\n", " 1 ", "1 ,", " [1]", "[1] ", "[1 ]", "[ ]", "{ }", "[1, ]", "[ 1 , 2 ]", "{ \"a\" : 1 , \"b\" : 2 }", "[\"2024-01-01\"]", "[\"2024-01-01\",\"2024-02-02\"]", "{\"t\":\"10:20:30.456Z\"}",
        "[\"2024-01-01T10:20:30.456Z\"]", "[\"10:20:30.456Z\",\"11:20:30.456Z\"]", "[\" 2024-01-0\"]", "[\"-024-01-01\"]", "[\"2024-01-01x\"]", "-024-01-01", "0001-01-01", "1582-10-04", "1582-10-15", "9999-12-31", "[1,\"2\"]", "[\"a\",1]", "[\"1\",2]", "[2024-01-01,2024-01-02]", "[10:20:30.456Z]", "[true,1]", "[1,true]", "[1,300,2]", "[300,1]", "[70000,1]", "[1,70000]", "[5000000000,1]",
        "[1,5000000000]", "[1.5,1]", "[1,1e39]", "[1e39,1.5]", "[1.5,300]", "[300,1.5]", "[1e39,300]", "[1,99999999999999999999]", "[99999999999999999999]", "[99999999999999999999,99999999999999999998]", "[\"a\",2024-01-01]", "[[1],[300]]", "[[300],[1]]", "[[1],[\"a\"]]", "[{\"a\":1},{\"b\":2.5}]", "[{\"a\":300},{\"b\":1}]", "{\"a\":[1],\"b\":[2]}", "{\"a\":1,\"b\":\"x\"}", "{\"a\":1,\"b\":300}", "{\"a\":300,\"b\":1}", "{\"a\":1,1:2}", "{1:2,300:4}", "{300:1,1:2}",
        "{\"2024-01-01\":1}", "{2024-01-01:1}", "[{\"a\":1},[1]]", "[1 2]", "[1:2]", "{\"a\":1 \"b\":2}", "{\"a\":1,,\"b\":2}", "[1,,2]", "{\"a\":1,\"a\":2}", "{\"a\":}", "{:1}", "{\"a\":1:2}", "{null:1}", "{\"\":1}", "[\"\"]", "[\"]", "[\"a]", "[null]", "[null,\"a\"]", "[true,null]", "{\"a\":true,\"b\":false}", "[true,false,true]", "{true:1,false:2}", "32767", "2147483647", "-9223372036854775808", "-9223372036854775809", "3.4028235e38", "3.5e38",
        "1.7976931348623157e308", "1.8e308", "-1.5", "0.0", "-0.0", "00.10", "1e18", "1e19", "1e20", "10000000000000000000", "123e-2", "1500e-2", "1e-400", "-1e-400", "-1e-50", "1e2e3", "1.2.3", "1e", "e1", "+", "-", "++1", "1+", "1e+2", "1E2", "\u00e9:1", "\u00e9,1", "1\u00e9:2", "1:\u00e9", "1:2:3", "10:20:30", "1:2:3:4:5", "10:20:30.456Z:7", "10:20:30.456Zx", "10:20:30:456Z", "10:20", "10:20,30", "1\\:2", "\\:1", "2024-01-01 ", " 2024-01-01", "2024-01-01T10:20:30.456Z,1",
        "\uff11\uff12", "\u0969.5", "\u0662024-01-01", "\"1\"", "\"true\"", "true:1", "false,", "null:1", "null,", "truex", " false ", "[true", "{\"a\":true", "nul", "[nul]", "[tru]", "[abc]", "[\"a\",b]", "[1]]", "{}}", "[]]", "[{}]", "{\"a\":{}}", "[[]]", "[[],[1]]", "[1],[2]", "{\"a\":1},2", "[\\\"]", "[\"\\\\\"]", "\\\"a", "[1\\]", "a\\:b", "a:b\\,", "[\"a\"\"b\"]", "[[1][2]]", "[1[2]]", "[1\"a\"]", "[{}{}]", "[2024-01-01,70000]", "[70000,2024-01-01]", "[10:20:30.456Z,2024-01-01]", "[1,\"2\",300]", "[\"2\",1,300]", "[1,\"a\",300]", "[true,\"a\",1]", "[1,true,\"a\"]", "[1,\"a\",true]", "[[1],1,\"a\"]", "[1,\"x\",2024-01-01]", "[1,\"x\",10:20:30.456Z]", "[1,\"x\",\"2024-01-01T10:20:30.456Z\"]", "[\"x\",1,10:20:30.456Z]", "[null,\"a\",1]", "[1,\"a\",null,\"b\"]", "[null,1,2]", "[1.5,\"x\",5000000000]", "[1,\"x\",2.5,1e39]", "[2.5,\"x\",1]", "[\"1.9\",true,1]", "[{\"a\":1},1,\"a\"]", "[\"\",1,\"b\"]");
    private static final String[] TOKENS = {"1", "-2", "300", "70000", "5000000000", "2.5", "1e39", "true", "false", "null", "\"a\"", "\"2024-01-01\"", "\"10:20:30.456Z\"", "2024-01-01", "10:20:30.456Z", "[", "[", "{", "]", "]", "}", ":", ",", ",", " ", "\u00e9", "\\", "{\"a\":", "{1:", "[1,", "[\"b\","};
    /** Numbers as text, for Cast and MaskField. */
    private static final List<String> CASTS = List.of("+1.5", "-1.5", "+-1", "1e+3", "1e-3", "e", "e5", "1e", "nan", "infinity", "Infinity", "+Infinity", "-NaN", "+NaN", "1.5x", "1.5 f", "1.5f", "1.5d", "1.5F", "1.5df", "1.5l", "0x1.8p3", "0x1p-3f", "0X1P3", "0x.8p1", "0xp1", "0x1", "0x1.8p3d", "-0x1p0", "0x1p", "0x1.fp1", "0x10p0", "1e3f", "1_0.5",
        "\u00a01", "\u20031", "\t1", "1\n", "\u00011", "\uff11\uff12\uff13", "\u0967\u0968", "\u0661\u0662.5", "1:", "\u066a", "0e0", "-0", "+0", "0x0p0", "3.4028235e38", "3.4028236e38", "1e-46", "4.9e-324", "2e-324", "1.7976931348623159e308", "2147483647", "-2147483649", "32767", "127", "-128", "255", "00", "1.", ".", "-.5", "True", "t", " true", "true ", "1.0e1.0", "..5", "1,5", "-+1", "++1", "--1", "0x1p3p2", "0x1.8.1p3", "0x1.ffffffffffffp0", "0x123456789abcdp0", "1.5e3.2", "\ud835\udfd9");
    private final Cases cases;

    TextCases(Cases cases) {
        this.cases = cases;
    }

    void all() {
        json();
        envelopes();
        strings();
        headers();
        numbers();
    }

    private void read(Map<String, String> config, String text) {
        cases.read("converter", JSON, config, text.getBytes(StandardCharsets.UTF_8));
    }

    private void json() {
        List<String> texts = new ArrayList<>(PLAIN);
        texts.addAll(NUMBERS);
        texts.addAll(List.of("1".repeat(1000), "1".repeat(1001), "[" + "[],".repeat(200) + "1]", "[".repeat(100) + "]".repeat(100), "[" + "[[[]]],".repeat(200) + "1]"));
        StringBuilder large = new StringBuilder("{");
        for (int index = 0; index < 40; index++) {
            large.append(index == 0 ? "" : ",").append("\"m").append(index % 30).append("\":").append(index);
        }
        texts.add(large.append('}').toString());
        for (String text : texts) {
            read(Cases.config("schemas.enable", "false"), text);
        }
        for (String text : List.of("{\"schema\":null,\"payload\":[" + "{\"a\":[]},".repeat(200) + "1]}", " { \"payload\" : 1 , \"schema\" : { \"type\" : \"int32\" } } ", "{\"schema\":{\"type\":\"int32\"},\"payload\":1}x", "{\"schema\":{\"type\":\"int32\"},\"payload\":1,\"payload\":2}",
            "{\"schema\":{\"type\":\"int32\"},\"schema\":{\"type\":\"string\"},\"payload\":1}", "{\"payload\":1}", "{\"schema\": null,\"payload\": 1}", "{\"schema\" :\tnull ,\"payload\":null}", "{\"schema\": {\"type\":\"int8\"},\"payload\": 1}", "{\"payload\":1,\"x\":2}", "{\"schema\":{\"type\":\"int32\"},\"x\":2}", "[1,2]", "\"x\"", "1", "{\"schema\":null,\"payload\":12345678901234567890}", "\ufeff{\"schema\":null,\"payload\":1}")) {
            read(Cases.config(), text);
        }
    }

    private void envelopes() {
        for (String schema : ENVELOPES) {
            for (String payload : List.of("1", "null", "{\"a\":1}", "{}")) {
                read(Cases.config(), "{\"schema\":" + schema + ",\"payload\":" + payload + "}");
            }
        }
        for (String type : List.of("int8", "int16", "int32", "int64", "float", "double", "int32\",\"name\":\"org.apache.kafka.connect.data.Date", "int32\",\"name\":\"org.apache.kafka.connect.data.Time", "int64\",\"name\":\"org.apache.kafka.connect.data.Timestamp", "bytes\",\"parameters\":{\"scale\":\"2\"},\"name\":\"org.apache.kafka.connect.data.Decimal")) {
            for (String number : NUMBERS) {
                read(Cases.config("decimal.format", "NUMERIC"), "{\"schema\":{\"type\":\"" + type + "\"},\"payload\":" + number + "}");
            }
        }
        for (String scale : List.of("\"scale\":\" 2\"", "\"scale\":\"2 \"", "\"scale\":\"+2\"", "\"scale\":\"-2\"", "\"scale\":\"x\"", "\"scale\":\"\"", "\"scal\":\"2\"", "\"other\":\"3\",\"scale\":\"2\"", "\"scale\":\"2147483648\"")) {
            for (String payload : List.of("\"AQI=\"", "1.25")) {
                read(Cases.config(), "{\"schema\":{\"type\":\"bytes\",\"name\":\"org.apache.kafka.connect.data.Decimal\",\"version\":1,\"parameters\":{" + scale + "}},\"payload\":" + payload + "}");
            }
        }
        String row = "{\"type\":\"struct\",\"fields\":[{\"type\":\"int32\",\"field\":\"i\"},{\"type\":\"string\",\"field\":\"s\"},{\"type\":\"bytes\",\"field\":\"r\"},{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"optional\":true,\"field\":\"l\"},{\"type\":\"map\",\"keys\":{\"type\":\"string\"},\"values\":{\"type\":\"int32\"},\"optional\":true,\"field\":\"m\"},"
            + "{\"type\":\"map\",\"keys\":{\"type\":\"int32\"},\"values\":{\"type\":\"string\",\"optional\":true},\"optional\":true,\"field\":\"n\"},{\"type\":\"struct\",\"optional\":true,\"fields\":[{\"type\":\"string\",\"optional\":true,\"field\":\"x\"}],\"field\":\"t\"},{\"type\":\"boolean\",\"optional\":true,\"default\":true,\"field\":\"b\"}]}";
        String begin = "{\"i\":1,\"s\":\"a\",\"r\":\"AQ==\"";
        StringBuilder pairs = new StringBuilder();
        for (int index = 0; index < 40; index++) {
            pairs.append(index == 0 ? "" : ",").append("[").append(index % 30).append(",\"").append(index).append("\"]");
        }
        for (String payload : List.of(begin + "}", "{\"i\":1,\"s\":5,\"r\":\"AQ==\"}", "{\"i\":1,\"s\":\"a\",\"r\":5}", "{\"i\":1,\"s\":\"a\",\"r\":\"?\"}", "{\"i\":[1,2],\"s\":\"a\",\"r\":\"AQ==\"}", "{\"i\":{\"x\":[1]},\"s\":\"a\",\"r\":\"AQ==\"}", "{\"r\":\"AQ==\",\"s\":\"a\",\"i\":1}", "{\"r\":\"AQ==\",\"i\":1,\"s\":\"a\",\"i\":2}",
            "{\"zz\":{\"q\":[1,{\"r\":2}]},\"i\":1,\"yy\":null,\"s\":\"a\",\"r\":\"AQ==\"}", begin + ",\"l\":[\"x\",5]}", begin + ",\"l\":[null]}", begin + ",\"l\":5}", begin + ",\"l\":{\"a\":\"x\",\"b\":\"y\"}}", begin + ",\"l\":[]}", begin + ",\"m\":{}}", begin + ",\"m\":{\"k\":null}}", begin + ",\"m\":[[1,2]]}", begin + ",\"m\":[]}", begin + ",\"m\":5}", begin + ",\"m\":{\"a\":1,\"a\":2}}",
            begin + ",\"n\":[[1,\"x\"],[1,\"y\"]]}", begin + ",\"n\":[[1]]}", begin + ",\"n\":[[1,\"x\",2]]}", begin + ",\"n\":[[]]}", begin + ",\"n\":[5]}", begin + ",\"n\":[{\"a\":1}]}", begin + ",\"n\":{\"1\":\"x\"}}", begin + ",\"n\":{}}", begin + ",\"n\":5}", begin + ",\"n\":[[\"1\",null]]}", begin + ",\"n\":[" + pairs + "]}", begin + ",\"t\":{}}", begin + ",\"t\":5}", begin + ",\"t\":[]}", begin + ",\"t\":{\"x\":1}}",
            begin + ",\"t\":{\"x\":\"\\u0001\\u001f\\\"\"}}", begin + ",\"b\":null}", begin + ",\"b\":false}", begin + ",\"b\":0}", begin + ",\"l\":true}", "{\"s\":\"a\",\"r\":\"AQ==\"}", "{\"i\":null,\"s\":\"a\",\"r\":\"AQ==\"}", "[]", "5", "\"x\"")) {
            read(Cases.config(), "{\"schema\":" + row + ",\"payload\":" + payload + "}");
        }
    }

    private void strings() {
        String odd = "q\" b\\ \b\t\n\f\r \u0000\u0001\u001f\u007f\u0080\u2028 / \u00e9\ud83d\ude00<>&'=";
        Schema schema = SchemaBuilder.struct().name(odd).doc(odd).parameter("a", odd).parameter("b", "=").field("f" + odd, SchemaBuilder.string().optional().defaultValue(odd).build()).field("g", Schema.INT32_SCHEMA).build();
        SchemaAndValue struct = new SchemaAndValue(schema, new Struct(schema).put("f" + odd, odd).put("g", 1));
        for (String enable : List.of("true", "false")) {
            for (SchemaAndValue value : List.of(Cases.bare(odd), Cases.bare(Universe.map(odd, odd)), Cases.bare(List.of(odd, odd)), struct)) {
                cases.write("converter", JSON, Cases.config("schemas.enable", enable), value);
            }
        }
        SchemaAndValue map = new SchemaAndValue(SchemaBuilder.map(Schema.INT32_SCHEMA, Universe.POINT).build(), Universe.map(1, Universe.point(1, "y")));
        for (String name : List.of("StringConverter", "SimpleHeaderConverter")) {
            String kind = name.equals("StringConverter") ? "converter" : "header";
            for (SchemaAndValue value : List.of(struct, map, Universe.of(Universe.DEEP, Universe.deep(true)), Universe.of(Universe.POINT, Universe.point(1, null)), Universe.of(Universe.POINT, Universe.point(1, "y")), Cases.bare(Universe.map("k", List.of(1L, 2.5, "x"))), Cases.bare(List.of(Universe.map("k", 1L), List.of())),
                Cases.bare(Universe.map("k", new byte[] {1})), Cases.bare(List.of(new byte[] {1, 2})), Cases.bare(List.of(true, "a\"b\\")))) {
                cases.write(kind, name, Cases.config(), value);
            }
        }
        for (String encoding : List.of("UTF-8", "utf8", " utf-8 ", "UTF8")) {
            cases.read("converter", "StringConverter", Cases.config("converter.encoding", encoding), "\u00e9".getBytes(StandardCharsets.UTF_8));
        }
    }

    private void headers() {
        List<String> texts = new ArrayList<>(HEADERS);
        Random random = new Random(20261128);
        while (texts.size() < HEADERS.size() + 500) {
            StringBuilder text = new StringBuilder();
            for (int tokens = 1 + random.nextInt(9); tokens > 0; tokens--) {
                text.append(TOKENS[random.nextInt(TOKENS.length)]);
            }
            texts.add(text.toString());
        }
        for (String text : texts) {
            cases.read("header", "SimpleHeaderConverter", Cases.config(), text.getBytes(StandardCharsets.UTF_8));
        }
    }

    private void numbers() {
        List<String> types = List.of("int8", "int32", "int64", "float32", "float64", "boolean");
        for (String text : CASTS) {
            for (String type : types) {
                cases.transform("Cast$Value", Cases.config("spec", type), Cases.bare(text));
            }
        }
        for (String replacement : List.of("+1", "-1", "1e2", "1E-2", "1.5e2e3", "1.2.3", "1e", "e1", "\u0661", "300", "70000", "9223372036854775808", "18446744073709551617", "1e70", "1e-70", "-1e63", "0e5", "NaN", "1f", "0x1", "1e99999999999", "1e-99999999999", "1e64", "1e-65", "0.5", "-0.9")) {
            cases.transform("MaskField$Value", Cases.config("fields", "i8,i16,i32,i64,f32,f64,dec,s", "replacement", replacement), everything());
            for (String field : List.of("i8", "i64", "f32", "f64", "s")) {
                cases.transform("MaskField$Value", Cases.config("fields", field, "replacement", replacement), Cases.bare(Universe.map(field, value(field))));
            }
        }
        for (String text : List.of("0.00", "-0.001", "1E-7", "1.23E-7", "0.0000012", "0.000001", "0.0000001", "-1E+3", "123E+5", "0E+3", "0E-9", "0", "-5", "1E+70", "-1E+64", "1E-70", "18446744073709551615", "-9223372036854775809", "123456789.123456789", "10", "100E-2", "1E+1", "-1.5")) {
            BigDecimal decimal = new BigDecimal(text);
            SchemaAndValue part = Universe.of(Decimal.schema(decimal.scale()), decimal);
            for (String type : List.of("int8", "int32", "int64", "float32", "float64", "boolean", "string")) {
                cases.transform("Cast$Value", Cases.config("spec", type), part);
            }
            cases.write("converter", JSON, Cases.config("schemas.enable", "false", "decimal.format", "NUMERIC"), part);
            cases.write("converter", JSON, Cases.config("schemas.enable", "true"), part);
        }
        for (double number : new double[] {1e-3, 9.99e-4, 1e7, 9999999, 12345678.9, 0.00123, 1.2e-5, 0.05, 100, 1000000, 1234567.5, -1e7, -0.001, 1.5e10, 1.25, 10.5, 0.001234, 5e-4, 1e22, 1.5e-10, Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY, Double.NaN}) {
            for (SchemaAndValue part : List.of(Universe.of(Schema.FLOAT64_SCHEMA, number), Universe.of(Schema.FLOAT32_SCHEMA, (float) number))) {
                cases.transform("Cast$Value", Cases.config("spec", "string"), part);
                cases.write("converter", JSON, Cases.config("schemas.enable", "false"), part);
                cases.write("converter", "StringConverter", Cases.config(), part);
                cases.write("header", "SimpleHeaderConverter", Cases.config(), part);
            }
        }
        cases.transform("Cast$Value", Cases.config("spec", "int64"), Universe.of(Decimal.schema(0), new BigDecimal(BigInteger.ONE.shiftLeft(200))));
    }

    private static Object value(String field) {
        return switch (field) {
            case "i8" -> (byte) 5;
            case "i64" -> 5L;
            case "f32" -> 5f;
            case "f64" -> 5.0;
            default -> "x";
        };
    }

    private static SchemaAndValue everything() {
        Schema schema = SchemaBuilder.struct().field("i8", Schema.INT8_SCHEMA).field("i16", Schema.INT16_SCHEMA).field("i32", Schema.INT32_SCHEMA).field("i64", Schema.INT64_SCHEMA).field("f32", Schema.FLOAT32_SCHEMA)
            .field("f64", Schema.FLOAT64_SCHEMA).field("dec", Decimal.schema(2)).field("s", Schema.STRING_SCHEMA).build();
        return new SchemaAndValue(schema, new Struct(schema).put("i8", (byte) 1).put("i16", (short) 1).put("i32", 1).put("i64", 1L).put("f32", 1f).put("f64", 1.0).put("dec", new BigDecimal("1.00")).put("s", "s"));
    }
}
