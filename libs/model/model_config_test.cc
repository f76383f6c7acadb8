#include "libs/model/model_config.h"

#include <gtest/gtest.h>
