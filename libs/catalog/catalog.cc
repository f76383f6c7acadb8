#include "libs/catalog/catalog.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "libs/base/digest.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/mapped_file.h"
#include "libs/base/status_macros.h"
#include "libs/catalog/catalog_builder.h"
#include "libs/catalog/catalog_rows.h"
#include "libs/text/unicode_text.h"

namespace convrec::catalog {
namespace {

std::vector<std::string> Lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

std::string_view AsText(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

absl::StatusOr<text::LineFormat> LineFormatOf(const CatalogOptions& options) {
  if (options.line_format.empty()) return text::LineFormat();
  absl::StatusOr<text::LineFormat> format = text::LineFormat::Parse(options.line_format);
  if (format.ok()) return format;
  return base::BadConfig(
      absl::StrCat("the line format \"", options.line_format, "\" ", format.status().message()));
}

absl::Status CheckLineFormat(const text::LineFormat& made_with,
                             const CatalogOptions& options,
                             const std::string& path) {
  if (options.line_format.empty() || options.line_format == made_with.text())
    return absl::OkStatus();
  return base::BadConfig(absl::StrCat(path,
                                      ": the index was made with data.line_format \"",
                                      made_with.text(),
                                      "\", which is \"",
                                      options.line_format,
                                      "\" here; expected the same"));
}

}  // namespace

// The memory of an image.
class Catalog::Block final {
 public:
  explicit Block(std::string bytes) : memory_(std::move(bytes)) {}
  explicit Block(base::MappedFile file) : memory_(std::move(file)) {}

  std::string_view bytes() const {
    if (const auto* const bytes = std::get_if<std::string>(&memory_)) return *bytes;
    return AsText(std::get<base::MappedFile>(memory_).bytes());
  }

 private:
  std::variant<std::string, base::MappedFile> memory_;
};

Catalog::Catalog(std::shared_ptr<const Block> block, const CatalogImage& image)
    : block_(std::move(block)),
      image_(image),
      digest_(image.header().digest, sizeof(ImageHeader::digest)),
      line_format_(std::make_shared<const text::LineFormat>(
          image.line_format().empty() ? text::LineFormat()
                                      : *text::LineFormat::Parse(image.line_format()))) {}

absl::StatusOr<Catalog> Catalog::FromBlock(std::shared_ptr<const Block> block,
                                           const std::string& path) {
  CR_ASSIGN_OR_RETURN(const CatalogImage image, CatalogImage::Open(block->bytes(), path));
  return Catalog(std::move(block), image);
}

std::optional<Catalog> Catalog::LoadFresh(const CatalogOptions& options,
                                          const text::LineFormat& line_format,
                                          const std::string& source_digest) {
  absl::StatusOr<base::MappedFile> file = base::MappedFile::Open(options.index_path);
  if (!file.ok()) return std::nullopt;
  absl::StatusOr<Catalog> catalog =
      FromBlock(std::make_shared<const Block>(*std::move(file)), options.index_path);
  if (!catalog.ok()) return std::nullopt;
  const ImageHeader& header = catalog->image().header();
  const bool is_fresh =
      source_digest == std::string_view(header.source_digest, sizeof(ImageHeader::source_digest)) &&
      catalog->image().form() == options.form &&
      catalog->line_format().text() == line_format.text();
  return is_fresh ? std::optional<Catalog>(*std::move(catalog)) : std::nullopt;
}

absl::StatusOr<Catalog> Catalog::Load(const std::string& path, const CatalogOptions& options) {
  CR_ASSIGN_OR_RETURN(base::MappedFile source, base::MappedFile::Open(path));
  if (IsImage(AsText(source.bytes()))) {
    CR_ASSIGN_OR_RETURN(Catalog catalog,
                        FromBlock(std::make_shared<const Block>(std::move(source)), path));
    CR_RETURN_IF_ERROR(CheckLineFormat(catalog.line_format(), options, path));
    return catalog;
  }
  CR_ASSIGN_OR_RETURN(const text::LineFormat line_format, LineFormatOf(options));
  // A copy, so that the hashed bytes are the ones that are read, even if the file changes
  // meanwhile.
  CR_ASSIGN_OR_RETURN(const std::string text, base::ReadFile(path));
  const std::string source_digest = base::DigestOf(text);
  if (!options.index_path.empty()) {
    if (std::optional<Catalog> fresh = LoadFresh(options, line_format, source_digest))
      return *std::move(fresh);
  }
  CatalogBuilder builder(path, options.form, source_digest, line_format);
  CR_RETURN_IF_ERROR(
      ForEachCatalogItem(text, path, line_format, [&](const CatalogItem& item, int line) {
        return builder.Add(item, line);
      }));
  CR_ASSIGN_OR_RETURN(std::string bytes, builder.Finish());
  CR_ASSIGN_OR_RETURN(Catalog catalog,
                      FromBlock(std::make_shared<const Block>(std::move(bytes)), path));
  if (!options.index_path.empty()) CR_RETURN_IF_ERROR(catalog.WriteIndex(options.index_path));
  return catalog;
}

absl::StatusOr<Catalog> Catalog::FromItems(const std::vector<CatalogItem>& items,
                                           const std::string& name,
                                           TitleForm form,
                                           const text::LineFormat& line_format) {
  CatalogBuilder builder(name, form, "", line_format);
  for (const CatalogItem& item : items) CR_RETURN_IF_ERROR(builder.Add(item, 0));
  CR_ASSIGN_OR_RETURN(std::string bytes, builder.Finish());
  return FromBlock(std::make_shared<const Block>(std::move(bytes)), name);
}

absl::Status Catalog::WriteIndex(const std::string& path) const {
  return base::WriteFileAtomically(path, std::string(block_->bytes()));
}

CatalogItem Catalog::ItemAt(size_t index) const {
  return {.item = {std::string(title(index)), year(index)},
          .genres = genres(index),
          .popularity = popularity(index),
          .id = std::string(id(index)),
          .aliases = aliases(index)};
}

std::vector<std::string> Catalog::genres(size_t index) const { return Lines(image_.genres(index)); }

std::vector<std::string> Catalog::aliases(size_t index) const {
  std::vector<std::string> texts;
  const CatalogImage::NameRange range = image_.aliases(static_cast<uint32_t>(index));
  for (uint32_t name = range.begin; name < range.end; ++name) texts.emplace_back(image_.text(name));
  return texts;
}

std::string Catalog::key(size_t index) const { return text::TitleKey(title(index)); }

std::string_view Catalog::InForm(std::string_view title, std::string* scratch) const {
  if (image_.form() == TitleForm::kAsWritten || text::IsAscii(title)) return title;
  *scratch = text::ToNfc(title);
  return *scratch;
}

std::optional<size_t> Catalog::IndexOf(const domain::Item& item) const {
  std::string scratch;
  const std::string_view title = InForm(item.title, &scratch);
  const uint32_t name = image_.FindName(title, item.year, HashName(HashText(title), item.year));
  if (name == kNoName) return std::nullopt;
  return image_.item_of_name(name);
}

std::vector<size_t> Catalog::MentionedBy(std::string_view text) const {
  std::string scratch;
  std::vector<size_t> items;
  image_.ForEachMentioned(InForm(text, &scratch), [&](uint32_t item) { items.push_back(item); });
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
  return items;
}

std::vector<size_t> Catalog::FindKey(const std::string& key) const {
  std::vector<size_t> items;
  for (uint32_t name = image_.FindKey(key); name != kNoName;) {
    const size_t item = image_.item_of_name(name);
    if (std::find(items.begin(), items.end(), item) == items.end()) items.push_back(item);
    const uint32_t next = image_.name(name).next_with_key;
    name = next == 0 ? kNoName : next;
  }
  return items;
}

}  // namespace convrec::catalog
