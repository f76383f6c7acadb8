#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include "libs/base/errors.h"
#include "tools/convrec/verbs.h"

namespace convrec::cli {
namespace {

// Each script asks the program that is typed, so that it never lags behind its options. What bash
// takes for a word ends at "=" and ":": there only what follows is to be replaced.
constexpr char kBash[] = R"(# Completion of convrec in bash: source <(convrec completion bash)
_convrec() {
  local line=${COMP_LINE:0:COMP_POINT} program candidate typed
  local -a words
  read -ra words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  program=${words[0]/#\~\//$HOME/}
  COMPREPLY=()
  while IFS=$'\t' read -r candidate _; do
    COMPREPLY+=("$candidate")
  done < <("$program" --complete-words "${words[@]:1}" 2> /dev/null)
  [[ ${#COMPREPLY[@]} -eq 0 ]] && return
  [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=.] ]] && compopt -o nospace
  typed=${words[-1]}
  if [[ $typed == *=* && $COMP_WORDBREAKS == *=* ]]; then
    typed=${typed%"${typed##*=}"}
    COMPREPLY=("${COMPREPLY[@]#"$typed"}")
  fi
}
complete -o default -F _convrec convrec convrec-generate convrec-import convrec-learner \
  convrec-reward convrec-rollout convrec-serve
)";

constexpr char kZsh[] =
    R"(#compdef convrec convrec-generate convrec-import convrec-learner convrec-reward convrec-rollout convrec-serve
# Completion of convrec in zsh: source <(convrec completion zsh), or a file _convrec in $fpath.
_convrec() {
  local word help
  local -a whole open
  while IFS=$'\t' read -r word help; do
    if [[ $word == *[=.] ]]; then open+=("${word//:/\\:}:$help"); else whole+=("${word//:/\\:}:$help"); fi
  done < <("${(Q)words[1]}" --complete-words "${(@Q)words[2,CURRENT]}" 2> /dev/null)
  if (( ! $#whole && ! $#open )); then
    compset -P '*='
    _files
    return
  fi
  (( $#open )) && _describe -t keys 'key' open -S ''
  (( $#whole )) && _describe -t words 'word' whole
}
if [[ $funcstack[1] == _convrec ]]; then
  _convrec "$@"
else
  compdef _convrec convrec convrec-generate convrec-import convrec-learner convrec-reward convrec-rollout convrec-serve
fi
)";

constexpr char kFish[] = R"(# Completion of convrec in fish: convrec completion fish | source
function __convrec_complete
  set -l words (commandline -opc) (commandline -ct)
  $words[1] --complete-words $words[2..-1] 2> /dev/null
end
for program in convrec convrec-generate convrec-import convrec-learner convrec-reward convrec-rollout convrec-serve
  complete -c $program -a '(__convrec_complete)'
end
)";

}  // namespace

void AddCompletionVerb(CLI::App* app, Action* action) {
  const std::map<std::string, const char*> scripts = {
      {"bash", kBash}, {"zsh", kZsh}, {"fish", kFish}};
  CLI::App* verb =
      app->add_subcommand("completion", "Print the script by which a shell completes commands.");
  auto shell = std::make_shared<std::string>();
  verb->add_option("shell", *shell, "The shell.")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  verb->footer(
      "Completes verbs, options, configuration keys and their values, from the program's own "
      "tables.\n"
      "Examples:\n"
      "  source <(convrec completion bash)      in ~/.bashrc\n"
      "  source <(convrec completion zsh)       in ~/.zshrc, behind compinit\n"
      "  convrec completion fish | source       in ~/.config/fish/config.fish");
  verb->callback([shell, scripts, action] {
    *action = [shell, scripts] {
      std::fputs(scripts.at(*shell), stdout);
      return base::kExitOk;
    };
  });
}

}  // namespace convrec::cli
