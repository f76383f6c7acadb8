// Loads and saves decoders as Hugging Face directories.
#include "absl/strings/str_cat.h"
#include "libs/base/errors.h"
#include "libs/base/files.h"
#include "libs/base/log.h"
#include "libs/base/status_macros.h"
#include "libs/model/adapter.h"
#include "libs/model/decoder.h"
#include "libs/model/model_directory.h"
#include "libs/model/stored_tensor.h"
#include "libs/model/weight_files.h"

namespace convrec::model {

absl::StatusOr<std::unique_ptr<Decoder>> LoadDecoder(const std::string& directory,
                                                     const DecoderOptions& options,
                                                     bool allow_random) {
  CR_ASSIGN_OR_RETURN(const ModelDirectory model, ReadModelDirectory(directory));
  if (allow_random && !model.has_weights) return MakeDecoder(model.config, options);
  for (const std::string& warning : model.warnings) CR_LOG(WARNING) << warning;
  CR_ASSIGN_OR_RETURN(const WeightFiles files, WeightFiles::Open(directory, model.config));
  DecoderOptions empty = options;
  empty.random_values = false;
  CR_ASSIGN_OR_RETURN(std::unique_ptr<Decoder> decoder, MakeDecoder(model.config, empty));
  std::vector<NamedTensor> tensors;
  for (const TensorView& view : files.tensors()) tensors.push_back({view.name, AsTensor(view)});
  CR_RETURN_IF_ERROR(decoder->Load(tensors));
  return decoder;
}

absl::Status SaveDecoder(const Decoder& decoder,
                         const std::string& directory,
                         const std::string& dtype) {
  std::vector<TensorSource> sources;
  ParameterReader reader(decoder);
  for (size_t i = 0; i < decoder.parameters().size(); ++i) {
    const NamedTensor& parameter = decoder.parameters()[i];
    const auto fill = [&decoder, &parameter, &reader, i](float* out) {
      return CopyOut(MergedValue(decoder, {parameter.name, reader.Read(i)}), out);
    };
    sources.push_back({parameter.name, parameter.tensor.sizes().vec(), fill});
  }
  CR_RETURN_IF_ERROR(WriteWeightFiles(directory, sources, dtype));
  return base::WriteFileAtomically(
      base::JoinPath(directory, "config.json"),
      ToConfigJson(decoder.config(), dtype == "BF16" ? "bfloat16" : "float32"));
}

}  // namespace convrec::model
