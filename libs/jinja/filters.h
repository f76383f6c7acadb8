// The filters: `value | name(arguments)`.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "libs/jinja/object.h"
#include "libs/jinja/runtime.h"

namespace convrec::jinja {

struct Filter {
  const char* name;
  absl::StatusOr<Value> (*apply)(Runtime* runtime,
                                 const Value& subject,
                                 const Arguments& arguments);
};

// nullptr when there is none of this name. Missing are those of jinja2's own filters that draw at
// random or lay out HTML and prose: filesizeformat, pprint, random, striptags, urlize, wordwrap,
// xmlattr.
const Filter* FindFilter(std::string_view name);

// Defined in text_filters.cc and sequence_filters.cc.
const Filter* FindTextFilter(std::string_view name);
const Filter* FindSequenceFilter(std::string_view name);

}  // namespace convrec::jinja
