// The catalog as one block of memory: what the index file holds, byte for byte.
//
// A "name" is a text with a year that identifies an item. Names 0 to num_items - 1 are the items'
// titles, in catalog order; aliases follow, in the order of their items. Two hash tables find
// names, one by exact text and year, one by TitleKey. A slot holds half the hash and the name, so a
// lookup reads one slot and one name. Names with the same key are chained.
//
// Numbers are little-endian; strings are UTF-8 without terminators.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace convrec::catalog {

// How titles are compared: as they are written, or after Unicode normalisation (form C).
enum class TitleForm : uint32_t { kAsWritten = 0, kNfc = 1 };

// The sections, in the order of the file.
enum class ImageSection {
  kNames,         // One NameRecord per name, and one past the end.
  kText,          // The names' texts, in order.
  kNameSlots,     // uint64 slots, hashed by text and year.
  kKeySlots,      // uint64 slots, hashed by TitleKey.
  kAliasItems,    // uint32 per alias: its item.
  kPopularity,    // double per item, or empty when all are 0.
  kIdEnds,        // uint32 per item, or empty: where its id ends in kIds.
  kIds,           // External ids.
  kGenreSets,     // uint32 per item, or empty: its set of genres.
  kGenreSetEnds,  // uint32 per set: where it ends in kGenres.
  kGenres,        // Sets of genres; each genre ends in "\n".
  // From version 2 on; empty where lines are "{title} ({year})".
  kLineFormat,    // The text of the line format. Names are whole lines then, without a year.
  kMentionItems,  // uint32 per mention (CatalogItem::mentions): its item.
  kMentionEnds,   // uint32 per mention: where it ends in kMentions.
  kMentions,      // The mentions' texts, in order.
  kMentionSlots,  // uint64 slots by text.
};
inline constexpr size_t kNumImageSections = 16;
inline constexpr size_t kNumImageSectionsOfVersion1 = 11;

struct NameRecord {
  uint32_t text_begin;     // In kText; the text ends where the next name's begins.
  int32_t year;            // The item's year.
  uint32_t first_of_key;   // The first name with the same TitleKey.
  uint32_t next_with_key;  // The next one; 0 = none.
};

struct ImageHeader {
  struct Section {
    uint64_t begin;  // From the start of the file; a multiple of 8.
    uint64_t size_bytes;
  };

  char magic[8];
  uint32_t version;
  uint32_t byte_order;
  uint64_t size_bytes;     // Size of the whole file.
  uint64_t checksum;       // XXH3-64 of everything after this field.
  char source_digest[32];  // Digest of the source file; zeros when made from memory.
  char digest[32];         // Catalog::digest().
  char unicode_version[16];
  uint32_t form;  // TitleForm.
  uint32_t num_items;
  uint32_t num_names;
  uint32_t reserved;
  Section sections[kNumImageSections];  // Fewer in version 1: see CatalogImage::Section().
};

inline constexpr char kImageMagic[8] = {'C', 'R', 'C', 'A', 'T', 'A', 'L', 'G'};
inline constexpr uint32_t kImageVersion = 2;  // Version 1 is read too.
inline constexpr uint32_t kImageByteOrder = 0x01020304;
inline constexpr uint32_t kNoName = 0xFFFFFFFF;

// Whether a file that starts with these bytes is meant to be an index.
bool IsImage(std::string_view bytes);
uint64_t ImageChecksum(std::string_view bytes);

// Hash of a text, and of a text with a year.
uint64_t HashText(std::string_view text);
inline uint64_t HashName(uint64_t text_hash, int32_t year) {
  const uint64_t mixed = (text_hash ^ (static_cast<uint64_t>(static_cast<uint32_t>(year)) << 32)) *
                         0x9E3779B97F4A7C15ull;
  return mixed ^ (mixed >> 32);
}

// An open-addressing table of names: slot = (low half of the hash) << 32 | (name + 1), 0 = empty.
class NameTable final {
 public:
  NameTable() = default;
  explicit NameTable(std::span<const uint64_t> slots) : slots_(slots) {}

  // The first name for which `is_it(name)` holds among those with this hash, or kNoName.
  template <typename Predicate>
  uint32_t Find(uint64_t hash, Predicate is_it) const {
    for (size_t i = Home(hash, slots_.size()); slots_[i] != 0;) {
      if (slots_[i] >> 32 == (hash & 0xFFFFFFFF)) {
        const uint32_t name = static_cast<uint32_t>(slots_[i]) - 1;
        if (is_it(name)) return name;
      }
      if (++i == slots_.size()) i = 0;
    }
    return kNoName;
  }
  void Prefetch(uint64_t hash) const { __builtin_prefetch(&slots_[Home(hash, slots_.size())]); }
  // The first name with this hash, not compared: kNoName means that there is none.
  uint32_t FindCandidate(uint64_t hash) const {
    return Find(hash, [](uint32_t /*name*/) { return true; });
  }

  // Where the search for `hash` starts in a table of `num_slots`.
  static size_t Home(uint64_t hash, size_t num_slots) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<size_t>((static_cast<Wide>(hash) * num_slots) >> 64);
  }
  // Slots for `num_names` names. Half stay empty, so searches end after a slot or two.
  static size_t NumSlots(size_t num_names) { return 2 * num_names + 1; }
  // For building; there must be an empty slot.
  static void Insert(std::span<uint64_t> slots, uint64_t hash, uint32_t name);

 private:
  std::span<const uint64_t> slots_;
};

// A view of a block; the block must outlive it. Immutable, so thread-safe.
class CatalogImage final {
 public:
  // DataLoss when the block is damaged, FailedPrecondition when another version, machine or
  // Unicode version made it; `path` names it in messages. A block that passes can be read safely,
  // whatever it contains.
  static absl::StatusOr<CatalogImage> Open(std::string_view bytes, const std::string& path);

  const ImageHeader& header() const { return *header_; }
  size_t size_bytes() const { return header_->size_bytes; }
  size_t num_items() const { return header_->num_items; }
  size_t num_names() const { return header_->num_names; }
  TitleForm form() const { return static_cast<TitleForm>(header_->form); }

  const NameRecord& name(uint32_t name) const { return names_[name]; }
  std::string_view text(uint32_t name) const {
    const uint32_t begin = names_[name].text_begin;
    return text_.substr(begin, names_[name + 1].text_begin - begin);
  }
  uint32_t item_of_name(uint32_t name) const {
    return name < num_items() ? name : alias_items_[name - num_items()];
  }
  // Names [begin, end) that are aliases of the item.
  struct NameRange {
    uint32_t begin;
    uint32_t end;
  };
  NameRange aliases(uint32_t item) const;
  bool has_aliases() const { return !alias_items_.empty(); }

  double popularity(size_t item) const { return popularity_.empty() ? 0 : popularity_[item]; }
  std::string_view id(size_t item) const;
  std::string_view genres(size_t item) const;  // Each ends in "\n".

  // Empty for "{title} ({year})".
  std::string_view line_format() const { return line_format_; }
  // Calls `visit(item)` for each item of which this is a mention; one that has it twice comes
  // twice.
  template <typename Visit>
  void ForEachMentioned(std::string_view text, Visit visit) const {
    if (mention_items_.empty()) return;
    mention_table_.Find(HashText(text), [&](uint32_t mention) {
      if (MentionAt(mention) == text) visit(mention_items_[mention]);
      return false;
    });
  }

  // The name with exactly this text and year, or kNoName; the hash is that of HashName().
  uint32_t FindName(std::string_view text, int32_t year, uint64_t hash) const;
  // The first name with this TitleKey, or kNoName.
  uint32_t FindKey(std::string_view key) const;
  // FindName() in steps, so that many lookups can wait for memory at the same time: prefetch the
  // slot, take the candidate from it, prefetch the candidate's record and then its text, compare.
  // Without a candidate there is no such name.
  void PrefetchSlot(uint64_t hash) const { name_table_.Prefetch(hash); }
  uint32_t FindCandidate(uint64_t hash) const { return name_table_.FindCandidate(hash); }
  void PrefetchName(uint32_t candidate) const {
    if (candidate == kNoName) return;
    __builtin_prefetch(&names_[candidate]);
    __builtin_prefetch(&names_[candidate + 1]);
  }
  void PrefetchText(uint32_t candidate) const {
    if (candidate == kNoName) return;
    __builtin_prefetch(text_.data() + names_[candidate].text_begin);
    __builtin_prefetch(text_.data() + names_[candidate + 1].text_begin - 1);
  }
  uint32_t FindName(std::string_view text, int32_t year, uint64_t hash, uint32_t candidate) const {
    if (candidate == kNoName || IsName(candidate, text, year)) return candidate;
    return FindName(text, year, hash);
  }

 private:
  CatalogImage() = default;

  template <typename T>
  std::span<const T> Section(std::string_view bytes, ImageSection section) const;
  bool IsName(uint32_t candidate, std::string_view wanted, int32_t year) const {
    return names_[candidate].year == year && text(candidate) == wanted;
  }
  std::string_view MentionAt(uint32_t mention) const {
    const uint32_t begin = mention == 0 ? 0 : mention_ends_[mention - 1];
    return mentions_.substr(begin, mention_ends_[mention] - begin);
  }
  absl::Status CheckReferences(const std::string& path) const;
  absl::Status CheckMentions(const std::string& path) const;

  const ImageHeader* header_ = nullptr;
  std::span<const NameRecord> names_;
  std::string_view text_;
  NameTable name_table_;
  NameTable key_table_;
  std::span<const uint64_t> name_slots_;
  std::span<const uint64_t> key_slots_;
  std::span<const uint32_t> alias_items_;
  std::span<const double> popularity_;
  std::span<const uint32_t> id_ends_;
  std::string_view ids_;
  std::span<const uint32_t> genre_sets_;
  std::span<const uint32_t> genre_set_ends_;
  std::string_view genres_;
  std::string_view line_format_;
  std::span<const uint32_t> mention_items_;
  std::span<const uint32_t> mention_ends_;
  std::string_view mentions_;
  std::span<const uint64_t> mention_slots_;
  NameTable mention_table_;
};

}  // namespace convrec::catalog
