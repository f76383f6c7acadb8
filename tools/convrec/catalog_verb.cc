#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "libs/base/errors.h"
#include "libs/base/status_macros.h"
#include "libs/catalog/catalog.h"
#include "tools/convrec/verbs.h"

namespace convrec::cli {
namespace {

absl::Status MakeIndex(const std::string& path,
                       const std::string& out,
                       const catalog::CatalogOptions& options) {
  CR_ASSIGN_OR_RETURN(const catalog::Catalog catalog, catalog::Catalog::Load(path, options));
  CR_RETURN_IF_ERROR(catalog.WriteIndex(out));
  std::printf("%s: %zu items, %zu names, %.1f MB (%.1f bytes per item), digest %s\n",
              out.c_str(),
              catalog.size(),
              catalog.image().num_names(),
              static_cast<double>(catalog.size_bytes()) / 1e6,
              static_cast<double>(catalog.size_bytes()) / static_cast<double>(catalog.size()),
              catalog.digest().c_str());
  return absl::OkStatus();
}

}  // namespace

void AddCatalogVerb(CLI::App* app, Action* action) {
  CLI::App* verb = app->add_subcommand("catalog", "Check a catalog and make its index.");
  verb->require_subcommand(1);
  CLI::App* index = verb->add_subcommand(
      "index",
      "Read a catalog, report the first thing that is wrong with it, and write its index.");
  struct Arguments {
    std::string catalog;
    std::string out;
    std::string line_format;
    bool is_nfc = false;
  };
  auto arguments = std::make_shared<Arguments>();
  index->add_option("--catalog", arguments->catalog, "JSON lines or CSV.")
      ->required()
      ->type_name("FILE");
  index
      ->add_option(
          "--out", arguments->out, "The index; the catalog's name and \".idx\" when left out.")
      ->type_name("FILE");
  index
      ->add_option(
          "--line-format",
          arguments->line_format,
          "How items are written, as data.line_format; \"{title} ({year})\" when left out.")
      ->type_name("TEXT");
  index->add_flag("--nfc", arguments->is_nfc, "Compare titles in Unicode normalisation form C.");
  index->footer(
      "data.catalog and --catalog take an index in place of the catalog: a million items are there "
      "at\n"
      "once, and processes on a machine share their memory. docs/catalog.md describes both.\n"
      "Example:\n"
      "  convrec catalog index --catalog films.csv --out films.idx");
  index->callback([arguments, action] {
    *action = [arguments] {
      const std::string out = arguments->out.empty() ? arguments->catalog + ".idx" : arguments->out;
      const absl::Status status = MakeIndex(
          arguments->catalog,
          out,
          {.form = arguments->is_nfc ? catalog::TitleForm::kNfc : catalog::TitleForm::kAsWritten,
           .line_format = arguments->line_format});
      return status.ok() ? base::kExitOk : Fail(status);
    };
  });
}

}  // namespace convrec::cli
