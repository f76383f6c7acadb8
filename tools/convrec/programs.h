// The programs of convrec on this machine: where they are, and what a user calls them.
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

namespace convrec::cli {

// What `convrec train` starts.
inline constexpr std::array<const char*, 3> kTrainRoles = {"learner", "rollout", "reward"};

// The folder of the binary that runs.
std::string BinaryFolder();

// "convrec" when a shell that is asked for that finds the binary that runs, else its path.
std::string CommandName();

// "convrec-learner", ...: those of `roles` that cannot be executed in `directory`.
std::vector<std::string> MissingPrograms(const std::string& directory,
                                         std::span<const char* const> roles);

}  // namespace convrec::cli
