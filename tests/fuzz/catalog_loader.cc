// Any bytes as a catalog. The first byte says what the others are: 0 JSON lines, 1 CSV, 2 an index
// file, 3 changes to a sound index: an offset of two bytes and a byte each, after which its
// checksum is made right again. What is accepted can be searched without harm.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "libs/base/check.h"
#include "libs/catalog/catalog_builder.h"
#include "libs/catalog/catalog_image.h"
#include "libs/catalog/catalog_rows.h"

namespace convrec::catalog {
namespace {

void Search(const CatalogImage& image) {
  for (const std::string_view title : {"Heat", "Amélie", "", "no such film"}) {
    const uint64_t hash = HashText(title);
    for (const int year : {0, 1995, 2001}) image.FindName(title, year, HashName(hash, year));
    const uint32_t name = image.FindKey(title);
    if (name != kNoName) CR_CHECK(name < image.num_names());
  }
  for (uint32_t item = 0; item < image.num_items(); ++item) {
    (void)image.text(item).size();
    (void)image.popularity(item);
    (void)image.id(item).size();
    (void)image.genres(item).size();
    const CatalogImage::NameRange aliases = image.aliases(item);
    for (uint32_t name = aliases.begin; name < aliases.end; ++name) (void)image.text(name).size();
  }
}

// Whether it was accepted.
bool Open(std::string_view bytes) {
  // An index is mapped, hence aligned.
  std::string copy(bytes.size() + 8, '\0');
  char* const begin = copy.data() + (8 - reinterpret_cast<uintptr_t>(copy.data()) % 8) % 8;
  std::memcpy(begin, bytes.data(), bytes.size());
  const auto image = CatalogImage::Open({begin, bytes.size()}, "fuzz");
  if (image.ok()) Search(*image);
  return image.ok();
}

void LoadRows(std::string_view text, const std::string& path, const text::LineFormat& format) {
  CatalogBuilder builder(path, TitleForm::kAsWritten, "", format);
  const absl::Status status =
      ForEachCatalogItem(text, path, format, [&](const CatalogItem& item, int line) {
        return builder.Add(item, line);
      });
  if (!status.ok()) return;
  const auto block = builder.Finish();
  if (block.ok()) Open(*block);
}

const std::string& SoundIndex() {
  static const auto* const block = [] {
    CatalogBuilder builder("fuzz", TitleForm::kAsWritten, "");
    for (int i = 0; i < 12; ++i) {
      CatalogItem item{{"Film " + std::to_string(i % 5), 1990 + i}, {"drama"}, 1.0 * i};
      item.id = "id" + std::to_string(i);
      if (i % 3 == 0) item.aliases = {"Alias " + std::to_string(i)};
      CR_CHECK(builder.Add(item, 0).ok());
    }
    return new std::string(*builder.Finish());
  }();
  return *block;
}

void OpenChanged(std::string_view changes) {
  std::string block = SoundIndex();
  for (; changes.size() >= 3; changes.remove_prefix(3)) {
    const auto at = static_cast<size_t>(static_cast<uint8_t>(changes[0]) |
                                        static_cast<uint8_t>(changes[1]) << 8);
    block[at % block.size()] = changes[2];
  }
  const uint64_t checksum = ImageChecksum(block);
  std::memcpy(block.data() + offsetof(ImageHeader, checksum), &checksum, sizeof(checksum));
  const bool is_accepted = Open(block);
  CR_CHECK(is_accepted || block != SoundIndex(), "the sound index is not accepted");
}

}  // namespace
}  // namespace convrec::catalog

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  // By the next bit also lines without a year.
  const auto format = (data[0] & 4) == 0 ? convrec::text::LineFormat()
                                         : *convrec::text::LineFormat::Parse("{title} - {artist}");
  switch (data[0] % 4) {
    case 0:
      convrec::catalog::LoadRows(rest, "fuzz.jsonl", format);
      break;
    case 1:
      convrec::catalog::LoadRows(rest, "fuzz.csv", format);
      break;
    case 2:
      convrec::catalog::Open(rest);
      break;
    default:
      convrec::catalog::OpenChanged(rest);
  }
  return 0;
}
