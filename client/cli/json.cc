#include "client/cli/json.h"

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/text.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "google/protobuf/util/time_util.h"

namespace timerd::cli {
namespace {

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

std::string MessageValue(const Message& message) {
  if (message.GetDescriptor() == google::protobuf::Timestamp::descriptor()) {
    return JsonString(TimeUtil::ToString(static_cast<const google::protobuf::Timestamp&>(message)));
  }
  if (message.GetDescriptor() == google::protobuf::Duration::descriptor()) {
    return JsonString(TimeUtil::ToString(static_cast<const google::protobuf::Duration&>(message)));
  }
  return JsonLine(message);
}

bool IsShown(const Message& message, const FieldDescriptor& field) {
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE ||
      field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
    return field.is_repeated() || message.GetReflection()->HasField(message, &field);
  }
  return true;
}

// "name":value
std::string Member(const Message& message, const FieldDescriptor& field) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  std::string name = field.name();
  std::string value;
  if (field.is_repeated()) {
    // Messages only: the API has no other repeated fields.
    std::vector<std::string> elements;
    for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
      elements.push_back(MessageValue(reflection.GetRepeatedMessage(message, &field, i)));
    }
    value = absl::StrCat("[", absl::StrJoin(elements, ","), "]");
  } else {
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_BOOL:
        value = reflection.GetBool(message, &field) ? "true" : "false";
        break;
      case FieldDescriptor::CPPTYPE_UINT64:
        value = absl::StrCat(reflection.GetUInt64(message, &field));
        break;
      case FieldDescriptor::CPPTYPE_ENUM: {
        // A newer server may send a value that this build does not know.
        const EnumValueDescriptor* known =
            field.enum_type()->FindValueByNumber(reflection.GetEnumValue(message, &field));
        value = known == nullptr ? absl::StrCat(reflection.GetEnumValue(message, &field))
                                 : JsonString(EnumName(*known));
        break;
      }
      case FieldDescriptor::CPPTYPE_STRING: {
        const std::string bytes = reflection.GetString(message, &field);
        const bool is_text = IsUtf8(bytes);
        value = JsonString(is_text ? bytes : absl::Base64Escape(bytes));
        absl::StrAppend(&name, is_text ? "" : "_base64");
        break;
      }
      case FieldDescriptor::CPPTYPE_MESSAGE:
        value = MessageValue(reflection.GetMessage(message, &field));
        break;
      default:
        // The API's replies have no fields of other types; the tests print every message there is.
        value = "null";
        break;
    }
  }
  return absl::StrCat(JsonString(name), ":", value);
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

}  // namespace timerd::cli
