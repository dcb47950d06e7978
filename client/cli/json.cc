#include "client/cli/json.h"

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/text.h"
#include "google/protobuf/any.pb.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "google/protobuf/util/time_util.h"
#include "timerd/v1/errors.pb.h"

namespace timerd::cli {
namespace {

using google::protobuf::Any;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::util::TimeUtil;

// "FIRED" of TYPE_FIRED: the zero value, TYPE_UNSPECIFIED, shows how long the prefix is.
std::string EnumName(const EnumValueDescriptor& value) {
  constexpr absl::string_view kUnspecified = "UNSPECIFIED";
  const std::string& zero = value.type()->FindValueByNumber(0)->name();
  return value.name().substr(zero.size() - kUnspecified.size());
}

std::string EnumValue(const google::protobuf::EnumDescriptor& type, int number) {
  // A newer server may send a value that this build does not know.
  const EnumValueDescriptor* known = type.FindValueByNumber(number);
  return known == nullptr ? absl::StrCat(number) : JsonString(EnumName(*known));
}

// Of the details of an error: what they hold, under the name of its type.
std::string AnyValue(const Any& any) {
  const std::string type = absl::StrCat("\"@type\":", JsonString(any.type_url()));
  v1::ErrorInfo info;
  if (absl::EndsWith(any.type_url(), "/google.rpc.ErrorInfo") &&
      info.ParseFromString(any.value())) {
    return absl::StrCat("{", type, ",", JsonLine(info).substr(1));
  }
  v1::RetryInfo retry;
  if (absl::EndsWith(any.type_url(), "/google.rpc.RetryInfo") &&
      retry.ParseFromString(any.value())) {
    return absl::StrCat("{", type, ",", JsonLine(retry).substr(1));
  }
  return absl::StrCat("{", type, ",\"value_base64\":", JsonString(absl::Base64Escape(any.value())),
                      "}");
}

std::string MessageValue(const Message& message) {
  if (message.GetDescriptor() == google::protobuf::Timestamp::descriptor()) {
    return JsonString(TimeUtil::ToString(static_cast<const google::protobuf::Timestamp&>(message)));
  }
  if (message.GetDescriptor() == google::protobuf::Duration::descriptor()) {
    return JsonString(TimeUtil::ToString(static_cast<const google::protobuf::Duration&>(message)));
  }
  if (message.GetDescriptor() == Any::descriptor()) {
    return AnyValue(static_cast<const Any&>(message));
  }
  return JsonLine(message);
}

bool IsShown(const Message& message, const FieldDescriptor& field) {
  const bool may_be_unset =
      field.has_presence() ||
      (field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM && !field.is_repeated());
  return !may_be_unset || message.GetReflection()->HasField(message, &field);
}

// "name":"text", or "name_base64" for bytes that are no text.
std::string BytesMember(const std::string& name, const std::string& bytes) {
  return IsUtf8(bytes) ? absl::StrCat(JsonString(name), ":", JsonString(bytes))
                       : absl::StrCat(JsonString(name + "_base64"), ":",
                                      JsonString(absl::Base64Escape(bytes)));
}

// All repeated fields of the API hold messages; those of a map are entries of two strings.
std::string RepeatedValue(const Message& message, const FieldDescriptor& field) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  std::vector<std::string> elements;
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    const Message& element = reflection.GetRepeatedMessage(message, &field, i);
    if (field.is_map()) {
      const auto text = [&](int number) {
        return JsonString(element.GetReflection()->GetString(
            element, element.GetDescriptor()->FindFieldByNumber(number)));
      };
      elements.push_back(absl::StrCat(text(1), ":", text(2)));
    } else {
      elements.push_back(MessageValue(element));
    }
  }
  return absl::StrCat(field.is_map() ? "{" : "[", absl::StrJoin(elements, ","),
                      field.is_map() ? "}" : "]");
}

std::string SingleValue(const Message& message, const FieldDescriptor& field) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.GetBool(message, &field) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_INT32:
      return absl::StrCat(reflection.GetInt32(message, &field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return absl::StrCat(reflection.GetUInt32(message, &field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return absl::StrCat(reflection.GetUInt64(message, &field));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return absl::StrCat(reflection.GetDouble(message, &field));
    case FieldDescriptor::CPPTYPE_ENUM:
      return EnumValue(*field.enum_type(), reflection.GetEnumValue(message, &field));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return MessageValue(reflection.GetMessage(message, &field));
    default:
      // The API's replies have no fields of other types; a test prints every one there is.
      return "null";
  }
}

std::string Member(const Message& message, const FieldDescriptor& field) {
  if (!field.is_repeated() && field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    return BytesMember(field.name(), message.GetReflection()->GetString(message, &field));
  }
  return absl::StrCat(
      JsonString(field.name()), ":",
      field.is_repeated() ? RepeatedValue(message, field) : SingleValue(message, field));
}

}  // namespace

std::string JsonLine(const Message& message) {
  const google::protobuf::Descriptor& descriptor = *message.GetDescriptor();
  std::vector<std::string> members;
  for (int i = 0; i < descriptor.field_count(); ++i) {
    if (IsShown(message, *descriptor.field(i))) {
      members.push_back(Member(message, *descriptor.field(i)));
    }
  }
  return absl::StrCat("{", absl::StrJoin(members, ","), "}");
}

std::string JsonLine(absl::string_view name, const Message& message) {
  return absl::StrCat("{\"", name, "\":", JsonLine(message), "}");
}

}  // namespace timerd::cli
