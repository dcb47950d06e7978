package dev.timerd.conformance;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.Duration;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.Timestamp;
import com.google.protobuf.util.Durations;
import com.google.protobuf.util.JsonFormat;
import com.google.protobuf.util.Timestamps;
import java.text.ParseException;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** What cases say about messages, both being JSON. */
class Json {
  private static final String OR_LATER = " or later";
  private static final Pattern SUM = Pattern.compile("^(\\S+Z) ([+-]) ([\\d.]+s)");

  // Status details name them so; they come with grpc-protobuf.
  private static final JsonFormat.TypeRegistry DETAILS = JsonFormat.TypeRegistry.newBuilder()
      .add(com.google.rpc.ErrorInfo.getDescriptor())
      .add(com.google.rpc.RetryInfo.getDescriptor())
      .build();

  static JsonElement of(Message message) {
    try {
      return JsonParser.parseString(JsonFormat.printer().usingTypeRegistry(DETAILS)
          .preservingProtoFieldNames().includingDefaultValueFields().print(message));
    } catch (InvalidProtocolBufferException malformed) {
      throw new Failure("%s", malformed.getMessage());
    }
  }

  static JsonElement pick(JsonElement message, String path) {
    JsonElement value = message;
    for (String key : path.split("\\.")) {
      if (value instanceof JsonObject object) {
        value = object.get(key);
      } else if (value instanceof JsonArray array && key.matches("\\d+")) {
        int index = Integer.parseInt(key);
        value = index < array.size() ? array.get(index) : null;
      } else {
        value = null;
      }
    }
    if (value == null) {
      throw new Failure("there is no %s to save in %s", path, message);
    }
    return value;
  }

  static boolean isText(JsonElement value) {
    return value instanceof JsonPrimitive scalar && scalar.isString();
  }

  static String textOf(JsonElement scalar) {
    return isText(scalar) ? scalar.getAsString() : scalar.toString();
  }

  /** Fails unless {@code found} holds at least {@code expected}. */
  static void match(JsonElement expected, JsonElement found, String path) {
    JsonElement actual = found == null ? JsonNull.INSTANCE : found;
    if (expected instanceof JsonObject object && actual instanceof JsonObject other) {
      for (Map.Entry<String, JsonElement> each : object.entrySet()) {
        match(each.getValue(), other.get(each.getKey()), path + "." + each.getKey());
      }
      return;
    }
    if (expected instanceof JsonArray array && actual instanceof JsonArray other
        && array.size() == other.size()) {
      for (int i = 0; i < array.size(); i++) {
        match(array.get(i), other.get(i), path + "." + i);
      }
      return;
    }
    boolean same = textOf(expected).equals(textOf(actual));
    if (isText(expected) && isText(actual) && expected.getAsString().endsWith(OR_LATER)) {
      Timestamp earliest = parseTime(expected.getAsString().replace(OR_LATER, ""));
      same = Timestamps.compare(parseTime(actual.getAsString()), earliest) >= 0;
    }
    if (!same) {
      throw new Failure("%s is %s, not %s", path, actual, expected);
    }
  }

  /** {@code text} with the sum of a time and a duration that it begins with worked out. */
  static String addUp(String text) {
    return SUM.matcher(text).replaceAll(Json::add);
  }

  private static String add(MatchResult sum) {
    Timestamp time = parseTime(sum.group(1));
    Duration delta;
    try {
      delta = Durations.parse(sum.group(3));
    } catch (ParseException malformed) {
      throw new Failure("%s", malformed.getMessage());
    }
    boolean minus = sum.group(2).equals("-");
    return Timestamps.toString(
        minus ? Timestamps.subtract(time, delta) : Timestamps.add(time, delta));
  }

  private static Timestamp parseTime(String text) {
    try {
      return Timestamps.parse(text);
    } catch (ParseException malformed) {
      throw new Failure("%s", malformed.getMessage());
    }
  }
}
