// Carries the precompiled header of torch_pch.h.
