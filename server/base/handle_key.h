// The key of a handle: its namespace and its id in one string, "billing/invoice-42". Namespaces
// have no slash in them, so the first one parts the two, whatever the id looks like; the handles of
// a namespace are those whose key begins with it, and sort by id.
#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace timerd {

inline constexpr absl::string_view kDefaultNamespace = "default";

inline std::string HandleKey(absl::string_view name_space, absl::string_view id) {
  return absl::StrCat(name_space, "/", id);
}

// Everything, when there is no slash.
inline absl::string_view NamespaceOf(absl::string_view key) { return key.substr(0, key.find('/')); }

// Everything, when there is no slash.
inline absl::string_view IdOf(absl::string_view key) { return key.substr(key.find('/') + 1); }

}  // namespace timerd
