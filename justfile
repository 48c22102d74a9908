# What `bash .ci/run` does, one step at a time. `just` alone lists the recipes; each line can also be typed as it stands.

# Lists the recipes.
default:
    @just --list

# Everything that a change must pass.
ci:
    bash .ci/run

# Formats the source.
fmt:
    cargo fmt --all

# Says what is not formatted, or would be written better.
lint:
    cargo fmt --all --check
    cargo clippy --locked --all-targets -- -D warnings

# The library without the command line.
lib:
    cargo check --locked --lib --no-default-features

# Every test; with words, those whose names hold one of them: `just test wal_dump`.
test *WORDS:
    cargo test --locked {{ if WORDS == "" { "" } else { "-- " + WORDS } }}

# Twice the input is at most 2.3 times the work, counted by the regions of the code that are passed.
effort:
    LLVM_PROFILE_FILE=/dev/null RUSTFLAGS='-C instrument-coverage --cfg ekv_regions' cargo test --locked --target-dir target/effort --test main -- hostile::twice hostile::a_long_question --test-threads=1

# Writes the held outputs, docs/codes.md, docs/json.md again. Read the difference before it is committed.
golden *WORDS:
    EKV_GOLDEN=overwrite cargo test --locked --test main -- {{ WORDS }}

# The pages of the library, private items included.
doc:
    RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps --document-private-items

# The fuzz targets build.
fuzz-check:
    cargo check --locked --manifest-path fuzz/Cargo.toml --all-targets

# Licences, sources and duplicates of what is built in.
deny:
    cargo fetch --locked
    cargo deny --offline check licenses bans sources

# Ratios to plain reads of the same files, and to other programs.
bench *PARTS:
    cargo bench -- {{ PARTS }}

# The package fleet: every test, with the servers that they ask.
fleet:
    cargo clippy --locked --manifest-path fleet/Cargo.toml --all-targets -- -D warnings
    fleet/test-servers

# Packages around one static program, each installed into an empty root and run there.
packages:
    packaging/test

# The documentation as a book, in target/book.
book:
    packaging/book
