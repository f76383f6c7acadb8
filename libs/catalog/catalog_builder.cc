#include "libs/catalog/catalog_builder.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "libs/base/check.h"
#include "libs/base/digest.h"
#include "libs/base/memory.h"
#include "libs/base/status_macros.h"
#include "libs/domain/year.h"
#include "libs/text/unicode_text.h"

namespace convrec::catalog {
namespace {

constexpr size_t kMaxTextBytes = 0xFFFF0000;

// Appends values so that different sequences of them give different bytes.
class Serializer final {
 public:
  void Text(std::string_view text) {
    Number(text.size());
    bytes_.append(text);
  }
  void Number(uint64_t number) { bytes_.append(reinterpret_cast<const char*>(&number), 8); }
  void Texts(std::vector<std::string_view> texts) {
    std::sort(texts.begin(), texts.end());
    Number(texts.size());
    for (const std::string_view text : texts) Text(text);
  }
  const std::string& bytes() const { return bytes_; }
  void Clear() { bytes_.clear(); }

 private:
  std::string bytes_;
};

// Writes sections one after another, each at a multiple of 8.
class ImageWriter final {
 public:
  explicit ImageWriter(size_t expected_bytes) {
    bytes_.reserve(expected_bytes);
    base::AdviseHugePages(bytes_.data(), bytes_.capacity());
    bytes_.resize(sizeof(ImageHeader));
  }

  void Add(ImageSection section, const void* data, size_t size_bytes) {
    sections_[static_cast<size_t>(section)] = {bytes_.size(), size_bytes};
    bytes_.append(static_cast<const char*>(data), size_bytes);
    bytes_.resize((bytes_.size() + 7) / 8 * 8);
  }
  template <typename T>
  void Add(ImageSection section, const std::vector<T>& values) {
    Add(section, values.data(), values.size() * sizeof(T));
  }
  void Add(ImageSection section, const std::string& text) {
    Add(section, text.data(), text.size());
  }

  std::string Finish(ImageHeader header) {
    std::memcpy(header.sections, sections_, sizeof(sections_));
    header.size_bytes = bytes_.size();
    std::memcpy(bytes_.data(), &header, sizeof(header));
    header.checksum = ImageChecksum(bytes_);
    std::memcpy(bytes_.data(), &header, sizeof(header));
    return std::move(bytes_);
  }

 private:
  std::string bytes_;
  ImageHeader::Section sections_[kNumImageSections] = {};
};

// Of the item and its other names, as they were read.
size_t TextBytes(const CatalogItem& entry) {
  size_t bytes = entry.item.title.size();
  for (const std::string& alias : entry.aliases) bytes += alias.size();
  for (const std::string& mention : entry.mentions) bytes += mention.size();
  return bytes;
}

struct Fault {
  const char* field;
  const char* clause;
};

std::optional<Fault> FaultOf(const CatalogItem& entry) {
  for (const std::string& alias : entry.aliases) {
    if (text::IsBlank(alias) || alias.find('\n') != std::string::npos) {
      return Fault{"aliases",
                   " holds a title that is blank or has a line break; expected titles on one line"};
    }
  }
  for (const std::string& genre : entry.genres) {
    if (genre.find('\n') != std::string::npos)
      return Fault{"genres", " holds a line break; expected words"};
  }
  return std::nullopt;
}

}  // namespace

CatalogBuilder::CatalogBuilder(std::string name,
                               TitleForm form,
                               const std::string& source_digest,
                               const text::LineFormat& line_format)
    : name_(std::move(name)),
      form_(form),
      source_digest_(source_digest),
      line_format_(line_format) {
  CR_CHECK(source_digest.empty() || source_digest.size() == sizeof(ImageHeader::source_digest));
}

absl::Status CatalogBuilder::Add(const CatalogItem& entry, int line) {
  // Normalisation can make a text up to three times as long.
  if (text_.size() + alias_text_.size() + mentions_.size() + 3 * TextBytes(entry) > kMaxTextBytes ||
      ids_.size() + entry.id.size() > kMaxTextBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat(name_, ": the titles take more than 4 GiB, which no catalog may"));
  }
  const uint32_t item = static_cast<uint32_t>(names_.size());
  lines_.push_back(line);
  if (const auto fault = FaultOf(entry)) {
    return absl::InvalidArgumentError(absl::StrCat(Where(item, fault->field), fault->clause));
  }
  const auto in_form = [this](const std::string& text) {
    return form_ == TitleForm::kNfc && !text::IsAscii(text) ? text::ToNfc(text) : text;
  };
  const std::string title = in_form(entry.item.title);
  names_.push_back({static_cast<uint32_t>(text_.size()), entry.item.year, item, 0});
  text_ += title;

  std::vector<std::string> aliases;
  for (const std::string& raw : entry.aliases) {
    std::string alias = in_form(raw);
    if (alias == title || std::find(aliases.begin(), aliases.end(), alias) != aliases.end())
      continue;
    alias_names_.push_back({static_cast<uint32_t>(alias_text_.size()), entry.item.year, 0, 0});
    alias_text_ += alias;
    alias_items_.push_back(item);
    aliases.push_back(std::move(alias));
  }
  for (const std::string& raw : entry.mentions) {
    const std::string mention = in_form(raw);
    const bool is_name =
        mention == title || std::find(aliases.begin(), aliases.end(), mention) != aliases.end();
    if (!is_name) AddMention(item, mention);
  }

  popularity_.push_back(entry.popularity + 0.0);  // No negative zero.
  has_popularity_ |= entry.popularity != 0;
  ids_ += entry.id;
  id_ends_.push_back(static_cast<uint32_t>(ids_.size()));
  std::string genres;
  for (const std::string& genre : entry.genres) absl::StrAppend(&genres, genre, "\n");
  const auto [it, is_new] =
      number_of_genre_set_.emplace(genres, static_cast<uint32_t>(genre_set_ends_.size()));
  if (is_new) {
    genres_ += genres;
    genre_set_ends_.push_back(static_cast<uint32_t>(genres_.size()));
  }
  genre_sets_.push_back(it->second);
  return absl::OkStatus();
}

void CatalogBuilder::AddMention(uint32_t item, const std::string& text) {
  mention_items_.push_back(item);
  mentions_ += text;
  mention_ends_.push_back(static_cast<uint32_t>(mentions_.size()));
}

std::string_view CatalogBuilder::TextOf(uint32_t name) const {
  const uint32_t begin = names_[name].text_begin;
  return std::string_view(text_).substr(begin, names_[name + 1].text_begin - begin);
}

uint32_t CatalogBuilder::ItemOf(uint32_t name) const {
  return name < lines_.size() ? name : alias_items_[name - lines_.size()];
}

std::string CatalogBuilder::Where(uint32_t item, const std::string& field) const {
  if (lines_[item] == 0) return absl::StrCat(name_, ":");
  return absl::StrCat(name_, ":", lines_[item], ": field \"", field, "\"");
}

absl::Status CatalogBuilder::RepeatError(uint32_t name, uint32_t earlier) const {
  const uint32_t item = ItemOf(name);
  const bool is_alias = name >= lines_.size();
  const bool has_year = names_[name].year != domain::kNoYear;
  const std::string shown = absl::StrCat(
      std::string(TextOf(name)), has_year ? absl::StrCat(" (", names_[name].year, ")") : "");
  if (!line_format_.is_dated()) return SameLineError(name, earlier, shown);
  if (lines_[item] == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        name_, is_alias ? ": name " : ": item ", shown, " stands twice; expected each item once"));
  }
  const int earlier_line = lines_[ItemOf(earlier)];
  if (!is_alias) {
    return absl::InvalidArgumentError(absl::StrCat(Where(item, "title"),
                                                   " repeats the item of line ",
                                                   earlier_line,
                                                   ", ",
                                                   shown,
                                                   "; expected each item once"));
  }
  return absl::InvalidArgumentError(absl::StrCat(Where(item, "aliases"),
                                                 " holds a name of the item of line ",
                                                 earlier_line,
                                                 ", ",
                                                 shown,
                                                 "; expected each name to stand for one item"));
}

// Two items that no list could tell apart.
absl::Status CatalogBuilder::SameLineError(uint32_t name,
                                           uint32_t earlier,
                                           const std::string& shown) const {
  const int line = lines_[ItemOf(name)], earlier_line = lines_[ItemOf(earlier)];
  const auto where = [](int number) {
    return number == 0 ? "" : absl::StrCat(" of line ", number);
  };
  return absl::InvalidArgumentError(
      absl::StrCat(name_,
                   line == 0 ? "" : absl::StrCat(":", line),
                   ": ",
                   name < lines_.size() ? "the item" : "an alias",
                   " is written \"",
                   shown,
                   "\", as ",
                   earlier < lines_.size() ? "the item" : "an alias of the item",
                   where(earlier_line),
                   " is; expected a data.line_format that tells them apart, instead of \"",
                   line_format_.text(),
                   "\""));
}

absl::Status CatalogBuilder::CheckIds() const {
  if (ids_.empty()) return absl::OkStatus();
  absl::flat_hash_map<std::string_view, uint32_t> item_of_id;
  uint32_t begin = 0;
  for (uint32_t item = 0; item < id_ends_.size(); ++item) {
    const std::string_view id = std::string_view(ids_).substr(begin, id_ends_[item] - begin);
    begin = id_ends_[item];
    if (id.empty()) continue;
    const auto [it, is_new] = item_of_id.emplace(id, item);
    if (is_new) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(Where(item, "id"),
                     " repeats the id ",
                     std::string(id),
                     lines_[item] == 0 ? "" : absl::StrCat(" of line ", lines_[it->second]),
                     "; expected each id once"));
  }
  return absl::OkStatus();
}

void CatalogBuilder::JoinNames() {
  const uint32_t shift = static_cast<uint32_t>(text_.size());
  for (NameRecord name : alias_names_) {
    name.text_begin += shift;
    names_.push_back(name);
  }
  text_ += alias_text_;
  names_.push_back({static_cast<uint32_t>(text_.size()), 0, 0, 0});
}

absl::StatusOr<std::vector<uint64_t>> CatalogBuilder::MakeNameTable() const {
  const uint32_t num_names = static_cast<uint32_t>(names_.size() - 1);
  std::vector<uint64_t> slots(NameTable::NumSlots(num_names));
  const NameTable table(slots);
  for (uint32_t name = 0; name < num_names; ++name) {
    const std::string_view text = TextOf(name);
    const uint64_t hash = HashName(HashText(text), names_[name].year);
    const uint32_t earlier = table.Find(hash, [&](uint32_t other) {
      return names_[other].year == names_[name].year && TextOf(other) == text;
    });
    if (earlier != kNoName) return RepeatError(name, earlier);
    NameTable::Insert(slots, hash, name);
  }
  return slots;
}

std::vector<uint64_t> CatalogBuilder::MakeKeyTable() {
  const uint32_t num_names = static_cast<uint32_t>(names_.size() - 1);
  std::vector<uint64_t> slots(NameTable::NumSlots(num_names));
  const NameTable table(slots);
  std::vector<uint32_t> last_with_key(num_names);  // Slots of keys, at their first name.
  std::string key;
  for (uint32_t name = 0; name < num_names; ++name) {
    text::MakeTitleKey(TextOf(name), &key);
    const uint64_t hash = HashText(key);
    uint32_t first =
        table.Find(hash, [&](uint32_t other) { return text::HasTitleKey(TextOf(other), key); });
    if (first == kNoName) {
      first = name;
      NameTable::Insert(slots, hash, name);
    } else {
      names_[last_with_key[first]].next_with_key = name;
    }
    names_[name].first_of_key = first;
    last_with_key[first] = name;
  }
  return slots;
}

std::vector<uint64_t> CatalogBuilder::MakeMentionTable() const {
  if (mention_items_.empty()) return {};
  std::vector<uint64_t> slots(NameTable::NumSlots(mention_items_.size()));
  for (uint32_t mention = 0; mention < mention_items_.size(); ++mention)
    NameTable::Insert(slots, HashText(MentionAt(mention)), mention);
  return slots;
}

std::string_view CatalogBuilder::MentionAt(uint32_t mention) const {
  const uint32_t begin = mention == 0 ? 0 : mention_ends_[mention - 1];
  return std::string_view(mentions_).substr(begin, mention_ends_[mention] - begin);
}

// One hash per item, over everything a score may depend on, sorted so that the order of the items
// does not matter. Keys are included because another version of Unicode may fold a title
// differently.
std::string CatalogBuilder::Digest() const {
  std::vector<std::string> digests;
  digests.reserve(lines_.size());
  Serializer serializer;
  std::string key;
  size_t next_alias = 0, next_mention = 0;
  for (uint32_t item = 0; item < lines_.size(); ++item) {
    serializer.Clear();
    text::MakeTitleKey(TextOf(item), &key);
    serializer.Text(TextOf(item));
    serializer.Text(key);
    serializer.Number(static_cast<uint64_t>(static_cast<int64_t>(names_[item].year)));
    uint64_t popularity_bits = 0;
    std::memcpy(&popularity_bits, &popularity_[item], sizeof(popularity_bits));
    serializer.Number(popularity_bits);
    std::vector<std::string_view> aliases;
    std::vector<std::string> alias_keys;
    for (; next_alias < alias_items_.size() && alias_items_[next_alias] == item; ++next_alias) {
      aliases.push_back(TextOf(static_cast<uint32_t>(lines_.size() + next_alias)));
      alias_keys.push_back(text::TitleKey(aliases.back()));
    }
    serializer.Texts(aliases);
    serializer.Texts({alias_keys.begin(), alias_keys.end()});
    const uint32_t set = genre_sets_[item];
    const uint32_t begin = set == 0 ? 0 : genre_set_ends_[set - 1];
    std::string_view genres = std::string_view(genres_).substr(begin, genre_set_ends_[set] - begin);
    std::vector<std::string_view> genre_list;
    while (!genres.empty()) {
      const size_t end = genres.find('\n');
      genre_list.push_back(genres.substr(0, end));
      genres.remove_prefix(end + 1);
    }
    serializer.Texts(std::move(genre_list));
    if (!mention_items_.empty()) {
      std::vector<std::string_view> mentions;
      for (; next_mention < mention_items_.size() && mention_items_[next_mention] == item;
           ++next_mention)
        mentions.push_back(MentionAt(static_cast<uint32_t>(next_mention)));
      serializer.Texts(std::move(mentions));
    }
    digests.push_back(base::DigestOf(serializer.bytes()));
  }
  std::sort(digests.begin(), digests.end());
  base::Digester digester;
  for (const std::string& digest : digests) digester.Update(digest.data(), digest.size());
  if (form_ == TitleForm::kNfc) digester.Update("nfc", 3);
  if (!line_format_.is_dated())
    digester.Update(line_format_.text().data(), line_format_.text().size());
  return digester.Finish();
}

absl::StatusOr<std::string> CatalogBuilder::Finish() {
  const size_t num_items = lines_.size();
  if (num_items == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        name_,
        ": the catalog is empty; expected lines like {\"title\": \"Heat\", \"year\": 1995}"));
  }
  if (num_items + alias_names_.size() >= kNoName - 1) {
    return absl::ResourceExhaustedError(absl::StrCat(name_, ": more than 2^32 names"));
  }
  CR_RETURN_IF_ERROR(CheckIds());
  JoinNames();
  CR_ASSIGN_OR_RETURN(const std::vector<uint64_t> name_slots, MakeNameTable());
  const std::vector<uint64_t> key_slots = MakeKeyTable();

  ImageHeader header = {};
  std::memcpy(header.magic, kImageMagic, sizeof(kImageMagic));
  header.version = kImageVersion;
  header.byte_order = kImageByteOrder;
  std::memcpy(header.source_digest, source_digest_.data(), source_digest_.size());
  const std::string digest = Digest();
  std::memcpy(header.digest, digest.data(), sizeof(header.digest));
  const std::string unicode = text::UnicodeVersion();
  std::memcpy(header.unicode_version,
              unicode.data(),
              std::min(unicode.size(), sizeof(header.unicode_version)));
  header.form = static_cast<uint32_t>(form_);
  header.num_items = static_cast<uint32_t>(num_items);
  header.num_names = static_cast<uint32_t>(names_.size() - 1);

  const bool has_genres = !genres_.empty();
  ImageWriter writer(sizeof(header) + names_.size() * sizeof(NameRecord) + text_.size() +
                     (name_slots.size() + key_slots.size()) * 8 + ids_.size() + num_items * 16 +
                     alias_items_.size() * 4 + genres_.size() + genre_set_ends_.size() * 4 + 256);
  writer.Add(ImageSection::kNames, names_);
  writer.Add(ImageSection::kText, text_);
  writer.Add(ImageSection::kNameSlots, name_slots);
  writer.Add(ImageSection::kKeySlots, key_slots);
  writer.Add(ImageSection::kAliasItems, alias_items_);
  if (has_popularity_) writer.Add(ImageSection::kPopularity, popularity_);
  if (!ids_.empty()) {
    writer.Add(ImageSection::kIdEnds, id_ends_);
    writer.Add(ImageSection::kIds, ids_);
  }
  if (has_genres) {
    writer.Add(ImageSection::kGenreSets, genre_sets_);
    writer.Add(ImageSection::kGenreSetEnds, genre_set_ends_);
    writer.Add(ImageSection::kGenres, genres_);
  }
  if (!line_format_.is_dated()) writer.Add(ImageSection::kLineFormat, line_format_.text());
  if (!mention_items_.empty()) {
    writer.Add(ImageSection::kMentionItems, mention_items_);
    writer.Add(ImageSection::kMentionEnds, mention_ends_);
    writer.Add(ImageSection::kMentions, mentions_);
    writer.Add(ImageSection::kMentionSlots, MakeMentionTable());
  }
  return writer.Finish(header);
}

}  // namespace convrec::catalog
