# Writes INPUT as a C++ source file OUTPUT that defines kFilmsTsv, one string literal per line.
file(READ "${INPUT}" text)
string(REPLACE "\\" "\\\\" text "${text}")
string(REPLACE "\"" "\\\"" text "${text}")
string(REPLACE "?" "\\?" text "${text}")
string(REPLACE "\n" "\\n\"\n    \"" text "${text}")
file(WRITE "${OUTPUT}"
  "#include \"libs/world/film_catalog.h\"\n\nnamespace convrec::world {\n\n"
  "const std::string_view kFilmsTsv =\n    \"${text}\";\n\n}  // namespace convrec::world\n")
