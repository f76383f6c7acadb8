#include "libs/catalog/catalog_image.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "libs/base/status_macros.h"
#include "libs/text/line_format.h"
#include "libs/text/unicode_text.h"

namespace convrec::catalog {
namespace {

constexpr size_t kChecksumEnd = offsetof(ImageHeader, checksum) + sizeof(ImageHeader::checksum);

absl::Status Damaged(const std::string& path, std::string_view what) {
  return absl::DataLossError(absl::StrCat(path,
                                          ": the catalog index is damaged: ",
                                          std::string(what),
                                          "; make it again with convrec catalog index"));
}

absl::Status Foreign(const std::string& path, std::string_view what) {
  return absl::FailedPreconditionError(
      absl::StrCat(path, ": the catalog index ", std::string(what), "; make it again here"));
}

// The ends do not decrease and none is beyond the section.
bool AreEnds(std::span<const uint32_t> ends, size_t size) {
  return std::is_sorted(ends.begin(), ends.end()) && (ends.empty() || ends.back() <= size);
}

bool AreBelow(std::span<const uint32_t> values, size_t limit) {
  return std::all_of(
      values.begin(), values.end(), [limit](uint32_t value) { return value < limit; });
}

// Every slot is empty or holds a name, and at least one is empty, so that searches end.
bool IsTable(std::span<const uint64_t> slots, size_t num_names) {
  size_t num_empty = 0;
  for (const uint64_t slot : slots) {
    num_empty += slot == 0;
    if (slot != 0 && (static_cast<uint32_t>(slot) == 0 || static_cast<uint32_t>(slot) > num_names))
      return false;
  }
  return num_empty > 0;
}

std::string_view Part(std::string_view text, std::span<const uint32_t> ends, size_t index) {
  const uint32_t begin = index == 0 ? 0 : ends[index - 1];
  return text.substr(begin, ends[index] - begin);
}

}  // namespace

bool IsImage(std::string_view bytes) {
  return bytes.size() >= sizeof(kImageMagic) &&
         std::memcmp(bytes.data(), kImageMagic, sizeof(kImageMagic)) == 0;
}

uint64_t ImageChecksum(std::string_view bytes) {
  return XXH3_64bits(bytes.data() + kChecksumEnd, bytes.size() - kChecksumEnd);
}

uint64_t HashText(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

void NameTable::Insert(std::span<uint64_t> slots, uint64_t hash, uint32_t name) {
  size_t i = Home(hash, slots.size());
  while (slots[i] != 0) {
    if (++i == slots.size()) i = 0;
  }
  slots[i] = (hash << 32) | (name + 1);
}

namespace {

// Header and sections of a file that is at least as long as version 1's header.
size_t NumSections(const ImageHeader& header) {
  return header.version == 1 ? kNumImageSectionsOfVersion1 : kNumImageSections;
}
size_t HeaderBytes(const ImageHeader& header) {
  return offsetof(ImageHeader, sections) + NumSections(header) * sizeof(ImageHeader::Section);
}

// Whether all that the head says can be relied on; the head itself is there.
absl::Status CheckHeader(const ImageHeader& header,
                         std::string_view bytes,
                         const std::string& path) {
  if (header.byte_order != kImageByteOrder) {
    return Foreign(path, "comes from a machine with another byte order");
  }
  if (header.version < 1 || header.version > kImageVersion) {
    return Foreign(path,
                   absl::StrCat("has version ", header.version, ", this program ", kImageVersion));
  }
  if (bytes.size() < HeaderBytes(header)) return Damaged(path, "its head is cut off");
  if (header.size_bytes != bytes.size()) {
    return Damaged(path,
                   absl::StrCat("it has ", bytes.size(), " of ", header.size_bytes, " bytes"));
  }
  if (header.checksum != ImageChecksum(bytes)) return Damaged(path, "its checksum differs");
  const std::string_view unicode(header.unicode_version,
                                 strnlen(header.unicode_version, sizeof(header.unicode_version)));
  if (unicode != text::UnicodeVersion()) {
    return Foreign(path,
                   absl::StrCat("was made with Unicode ",
                                std::string(unicode),
                                ", this program has ",
                                text::UnicodeVersion()));
  }
  for (const ImageHeader::Section& section :
       std::span(header.sections).first(NumSections(header))) {
    if (section.begin % 8 != 0 || section.begin > bytes.size() ||
        section.size_bytes > bytes.size() - section.begin) {
      return Damaged(path, "a section lies outside it");
    }
  }
  return absl::OkStatus();
}

}  // namespace

template <typename T>
std::span<const T> CatalogImage::Section(std::string_view bytes, ImageSection section) const {
  if (static_cast<size_t>(section) >= NumSections(*header_)) return {};
  const ImageHeader::Section& place = header_->sections[static_cast<size_t>(section)];
  return {reinterpret_cast<const T*>(bytes.data() + place.begin), place.size_bytes / sizeof(T)};
}

absl::StatusOr<CatalogImage> CatalogImage::Open(std::string_view bytes, const std::string& path) {
  if (!IsImage(bytes)) return Damaged(path, "it does not start as one");
  if (bytes.size() < offsetof(ImageHeader, sections)) return Damaged(path, "its head is cut off");
  CatalogImage image;
  image.header_ = reinterpret_cast<const ImageHeader*>(bytes.data());
  CR_RETURN_IF_ERROR(CheckHeader(*image.header_, bytes, path));
  const auto text = [&](ImageSection section) {
    const std::span<const char> span = image.Section<char>(bytes, section);
    return std::string_view(span.data(), span.size());
  };
  image.names_ = image.Section<NameRecord>(bytes, ImageSection::kNames);
  image.text_ = text(ImageSection::kText);
  image.name_slots_ = image.Section<uint64_t>(bytes, ImageSection::kNameSlots);
  image.key_slots_ = image.Section<uint64_t>(bytes, ImageSection::kKeySlots);
  image.alias_items_ = image.Section<uint32_t>(bytes, ImageSection::kAliasItems);
  image.popularity_ = image.Section<double>(bytes, ImageSection::kPopularity);
  image.id_ends_ = image.Section<uint32_t>(bytes, ImageSection::kIdEnds);
  image.ids_ = text(ImageSection::kIds);
  image.genre_sets_ = image.Section<uint32_t>(bytes, ImageSection::kGenreSets);
  image.genre_set_ends_ = image.Section<uint32_t>(bytes, ImageSection::kGenreSetEnds);
  image.genres_ = text(ImageSection::kGenres);
  image.line_format_ = text(ImageSection::kLineFormat);
  image.mention_items_ = image.Section<uint32_t>(bytes, ImageSection::kMentionItems);
  image.mention_ends_ = image.Section<uint32_t>(bytes, ImageSection::kMentionEnds);
  image.mentions_ = text(ImageSection::kMentions);
  image.mention_slots_ = image.Section<uint64_t>(bytes, ImageSection::kMentionSlots);
  CR_RETURN_IF_ERROR(image.CheckReferences(path));
  CR_RETURN_IF_ERROR(image.CheckMentions(path));
  image.name_table_ = NameTable(image.name_slots_);
  image.key_table_ = NameTable(image.key_slots_);
  image.mention_table_ = NameTable(image.mention_slots_);
  return image;
}

absl::Status CatalogImage::CheckReferences(const std::string& path) const {
  const size_t num_items = header_->num_items;
  const size_t num_names = header_->num_names;
  const bool counts_agree = num_items > 0 && num_names >= num_items &&
                            names_.size() == num_names + 1 &&
                            alias_items_.size() == num_names - num_items &&
                            (popularity_.empty() || popularity_.size() == num_items) &&
                            (id_ends_.empty() || id_ends_.size() == num_items) &&
                            (genre_sets_.empty() || genre_sets_.size() == num_items);
  if (!counts_agree) return Damaged(path, "its counts contradict each other");
  for (size_t i = 0; i < num_names; ++i) {
    const NameRecord& name = names_[i];
    if (name.text_begin > names_[i + 1].text_begin || name.first_of_key > i ||
        (name.next_with_key != 0 && (name.next_with_key <= i || name.next_with_key >= num_names))) {
      return Damaged(path, absl::StrCat("name ", i, " is wrong"));
    }
  }
  if (names_[num_names].text_begin > text_.size() || header_->form > 1 ||
      !IsTable(name_slots_, num_names) || !IsTable(key_slots_, num_names) ||
      !AreBelow(alias_items_, num_items) ||
      !std::is_sorted(alias_items_.begin(), alias_items_.end()) ||
      !AreEnds(id_ends_, ids_.size()) || !AreEnds(genre_set_ends_, genres_.size()) ||
      !AreBelow(genre_sets_, genre_set_ends_.size())) {
    return Damaged(path, "a reference leads nowhere");
  }
  return absl::OkStatus();
}

absl::Status CatalogImage::CheckMentions(const std::string& path) const {
  if (!line_format_.empty() && !text::LineFormat::Parse(line_format_).ok())
    return Damaged(path, "its line format is none");
  if (mention_items_.empty()) return absl::OkStatus();
  if (mention_ends_.size() != mention_items_.size() ||
      !AreBelow(mention_items_, header_->num_items) || !AreEnds(mention_ends_, mentions_.size()) ||
      !IsTable(mention_slots_, mention_items_.size())) {
    return Damaged(path, "a mention leads nowhere");
  }
  return absl::OkStatus();
}

CatalogImage::NameRange CatalogImage::aliases(uint32_t item) const {
  const auto [begin, end] = std::equal_range(alias_items_.begin(), alias_items_.end(), item);
  const auto name_at = [this](std::span<const uint32_t>::iterator it) {
    return static_cast<uint32_t>(num_items() + static_cast<size_t>(it - alias_items_.begin()));
  };
  return {name_at(begin), name_at(end)};
}

std::string_view CatalogImage::id(size_t item) const {
  return id_ends_.empty() ? std::string_view() : Part(ids_, id_ends_, item);
}

std::string_view CatalogImage::genres(size_t item) const {
  return genre_sets_.empty() ? std::string_view()
                             : Part(genres_, genre_set_ends_, genre_sets_[item]);
}

uint32_t CatalogImage::FindName(std::string_view wanted, int32_t year, uint64_t hash) const {
  return name_table_.Find(hash,
                          [&](uint32_t candidate) { return IsName(candidate, wanted, year); });
}

uint32_t CatalogImage::FindKey(std::string_view key) const {
  return key_table_.Find(
      HashText(key), [&](uint32_t candidate) { return text::HasTitleKey(text(candidate), key); });
}

}  // namespace convrec::catalog
