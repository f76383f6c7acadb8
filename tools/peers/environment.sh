# Python environments with other systems, for comparisons; sourced after lib.sh.
#
#   python_environment NAME PACKAGE==VERSION...   makes or finds one in the cache folder; sets VENV
#   torch_from_wheel                              lets its Python use the unpacked LibTorch wheel
#   trl_environment                               the environment with TRL, which needs that torch

python_environment() {
  VENV="$CACHE/venv-$1"
  shift
  [ -e "$VENV/complete" ] && return
  begin "making a Python environment in $VENV"
  rm -rf "$VENV"
  python3 -m venv "$VENV" || die "python3-venv is missing: apt-get install python3-venv"
  "$VENV/bin/pip" install --quiet --disable-pip-version-check "$@"
  touch "$VENV/complete"
}

trl_environment() {
  python_environment peers-trl-1 transformers==5.23.0 tokenizers==0.23.3 safetensors==0.8.0 datasets==5.2.0 \
    numpy==2.4.6 psutil==7.2.2 typing_extensions sympy networkx filelock fsspec jinja2
  # Apart from these, TRL needs only torch, which comes from the unpacked wheel.
  [ -e "$VENV/bin/trl" ] ||
    "$VENV/bin/pip" install --quiet --disable-pip-version-check --no-deps trl==1.16.0 accelerate==1.15.0
}

# The CUDA part of the wheel names libraries of several GB that nothing here calls. Empty libraries
# replace them, with the symbols that are bound when the wheel is loaded.
torch_from_wheel() {
  local stubs="$VENV/empty-libraries" libraries="$CACHE/libtorch-2.11.0/torch/lib" library
  rm -rf "$stubs"
  mkdir -p "$stubs"
  echo 'NVSHMEM { global: *; };' > "$stubs/versions"
  nm -D --undefined-only "$libraries"/*.so | awk '{print $NF}' | sed 's/@.*//' |
    grep -E '^(nvshmem|cusparseLt|cuFile|cu[A-Z])' | sort -u |
    sed 's/.*/void &(void) {}/' > "$stubs/names.c"
  for library in $(env -u LD_LIBRARY_PATH ldd "$libraries"/*.so | awk '/not found/ {print $1}' | sort -u); do
    gcc -shared -fPIC -w -fno-builtin -o "$stubs/$library" -Wl,-soname,"$library" \
      -Wl,--version-script="$stubs/versions" "$stubs/names.c"
  done
  export LD_LIBRARY_PATH="$stubs" PYTHONPATH="$CACHE/libtorch-2.11.0" HF_HUB_OFFLINE=1
}
