// The style sheet of the report page.
#pragma once

namespace convrec::report {

// Light or dark by the reader's setting. Classes c1 to c6 are the colours of series.
extern const char kPageStyle[];

}  // namespace convrec::report
