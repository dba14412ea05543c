//! The help that says what a command line may ask.

pub(crate) const HELP: &str = "\
usage: cargo xtask COMMAND [OPTIONS]

  accuracy  the largest error of every vector kernel, over all inputs
  bench   build in release, fetch the data, train on each backend, print the table, write the report
  data    fetch and verify datasets
  devices the GPUs and their like: limits, what each can run, and what the start-up check finds
  fuzz    the property tests, over a hundred thousand random graphs and more than ten million mutated files
  lint    tidy rules, packages, format, clippy and documentation, warnings denied
  mutate  mistakes put into every rule and derivative, or into the code, and whether each is caught
  new     a small project beside this repository: a CSV file in, trained weights out
  explain a page about an example: derivation, graph, kernels, times
  peers   PyTorch and JAX into target/peers, to compare with in `bench --peers`
  test    every test: unit, integration, documentation, stand-alone crates
  tidy    the tidy rules alone, in a second
  help    this text; `cargo xtask COMMAND --help` says more
";

pub(crate) const ACCURACY_HELP: &str = "\
usage: cargo xtask accuracy [--quick] [--device]

  --quick   every 4099th input, printed only; else all, written to docs/accuracy.md
  --device  the first adapter that runs programs, which the wgpu executor takes: every 257th input,
            written to docs/accuracy-device.md, or with --quick every 65537th, printed only

Runs every elementwise kernel of the cpu executor in f32 on each instruction set that this
machine has, against f64, and fails where an error is above the bound declared for it.
";

pub(crate) const BENCH_HELP: &str = "\
usage: cargo xtask bench [--features LIST] [--data DIR] [OPTIONS]

  --features LIST   backends beside cpu, separated by commas; default: ndarray,flex; candle is a peer
                    for --peers, built by itself
  --data DIR        take the datasets from DIR and fetch nothing

Where crates of the backends are still to be built, which takes minutes, cpu alone is built and
shown first, measured shortly. At the end the whole table is printed; the record and a report
with pictures, one HTML file, are written.

  --quick           a shorter run, within two minutes after building
  --steps           only how long steps take: no row is trained and tested
  --peers           also PyTorch, torch.compile, JAX and candle on the same work, as far as
                    they are installed (`cargo xtask peers`; `--features ndarray,flex,candle`)
  --network NAME    perceptron (the tutorial's, on MNIST; the default), deep (784-300-100-10 with
                    dropout and Adam), regression (13-64-64-1 with momentum, on made-up numbers),
                    lenet (LeNet-5), resnet (ResNet-8 of 16, 32, 64 channels), lstm (128 units, row by
                    row) or transformer (2 layers, width 128, 4 heads, 64 tokens of 4×4 pixels)
  --profile         instead, each kernel of the cpu executor: predicted and measured time,
                    GFLOP/s, GB/s, share, and what bounds it; takes --threads and --batches;
                    with --features wgpu --backends wgpu each kernel of that executor
  --reach PERCENT   instead, the time until the perceptron has this accuracy on the test images, loading
                    included, beside PyTorch's if it is installed; takes --seeds, --threads, --data
  --seeds N         trainings of each row for --reach; default: 5
  --threads LIST    thread counts to measure, such as 1,2; default: all cores
  --backends LIST   only these rows, such as cpu,burn-flex; there only so: wgpu-f16, wgpu-bf16, and wgpu-tuned,
                    wgpu with products cut as measurements say, which it makes before the first step
  --batches LIST    only these batch sizes; default: 64,512,60000, of the last four 64,256
  --compare A B     instead, two records side by side, and what changed beyond noise; writes a
                    page to --out, by default target/bench/compare.html
  --out FILE        where to write what was found, and beside it the report as .html; default:
                    target/bench/latest.json
";

pub(crate) const DATA_HELP: &str = "\
usage: cargo xtask data [mnist | fashion | all]

Fetches the dataset into the cache and verifies it; default: mnist.
";

pub(crate) const DEVICES_HELP: &str = "\
usage: cargo xtask devices

Lists the adapters that the backend wgpu finds: their limits, what each can run, and what its
start-up check finds, which every program on a device begins with: functions at hard points
and the turns of a long loop. Where the device's own function is rough, ours is taken.
Builds dl-backends with the feature wgpu: the first time that takes minutes.
";

pub(crate) const FUZZ_HELP: &str = "\
usage: cargo xtask fuzz [--files] [--cases N] [--seed S] [--features LIST]

  --files           only the parsers of files
  --cases N         how many seeds to try, of each property; default: 34000
  --seed S          the first seed; default: 0
  --features LIST   backends beside cpu, separated by commas; default: ndarray,flex

Formulas of numbers and of arrays must not get worse by rewriting, in value and
gradient, against hundreds of digits; programs must agree on every backend with
the interpreter; files of programs and plans, 32 mutants of one for each seed,
are refused or run; so many mutants of files for each other parser are read or
refused, without a panic and without more of the heap than a file justifies. A file
that takes two minutes ends the run. What fails is named by its seed, to be run alone.
";

pub(crate) const LINT_HELP: &str = "\
usage: cargo xtask lint [--all]

  --all   with the wgpu backend and the peer candle too, as where CI=true
";

pub(crate) const TEST_HELP: &str = "\
usage: cargo xtask test [--features LIST] [--gpu] [ARGS...]

  --features LIST   backends beside cpu, separated by commas; default: ndarray,flex
  --gpu             the wgpu backend too; with CI=true wherever Vulkan is found
  ARGS              go to the test runner (cargo nextest, else cargo test), such as
                    a part of a test's name; documentation tests and stand-alone
                    crates are left out then
";

pub(crate) const MUTATE_HELP: &str = "\
usage: cargo xtask mutate [--code [PATHS...] [--list] [--shard K/N] [--jobs N]]

  --code      instead, mistakes in the code of files and folders, by cargo mutants; default: plan/ and
              nn/optimizer/ of dl-core, cpu/ of dl-backends, dl-train and dl-data
  --list      only list the mistakes
  --shard K/N one part of them, such as 0/4
  --jobs N    how many are tried at a time; default: 1

Puts one mistake at a time into every rewrite and every derivative (a sign flipped, a factor
dropped, operands swapped, a condition left out) and prints how many the judges catch. Fails
if one survives that is not listed, with the reason, as equivalent.

With --code each mistake is built and judged by the tests of its own crate, which takes minutes to
hours; what survived, and why, is recorded in benches/record.
";

pub(crate) const NEW_HELP: &str = "\
usage: cargo xtask new NAME [--in DIR] [--version V]

  --in DIR      where its folder is made; default: beside this repository
  --version V   of dl-objective in the registry; default: the crate in this checkout

Writes a project that learns from a CSV file: it splits the rows, standardizes the columns,
trains a small network with checkpoints, says how many it gets right, and writes the weights.
";

pub(crate) const EXPLAIN_HELP: &str = "\
usage: cargo xtask explain EXAMPLE [--data digits|mnist|fashion-mnist] [--lang en|zh] [--out FILE]

Writes one HTML file about the training step of an example: its derivation, its graph, its
kernels with measured times, the statistics of its values; pointing at a formula marks what
computes it. An unknown name is answered by all that there are.

  --data NAME   the images that are run; 8×8 digits if nothing is said, MNIST for mnist_lenet
  --lang en|zh  the language of the page; default: en
  --out FILE    default: target/explain/EXAMPLE.html
";

pub(crate) const PEERS_HELP: &str = "\
usage: cargo xtask peers

Makes a virtual environment in target/peers and installs the pinned PyTorch and JAX of
benches/peers/requirements.txt by pip, from wherever pip is set up to install: 6 GB from an
index whose PyTorch comes with CUDA. Needs python3 with its venv module.
";

pub(crate) const TIDY_HELP: &str = "\
usage: cargo xtask tidy

Checks every tracked or new file against the rules in xtask/src/tidy.
";
