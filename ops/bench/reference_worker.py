"""How does one variant of the engine benchmark run: a process of its own, until SIGTERM."""

import sys
from pathlib import Path

from ops.bench import bare_loop
from ops.bench.reference_log import names_of
from ops.bench.reference_stage import definition
from streams.engine.config import EngineConfig
from streams.engine.provisioning import provision_stage
from streams.engine.worker import run_worker
from streams.stages import stage_spec


def main() -> None:
    """Arguments: variant, bootstrap servers, directory of the state."""
    variant, bootstrap_servers, data_dir = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    names = names_of(variant)
    match variant:
        case "millrace":
            config = EngineConfig(bootstrap_servers=bootstrap_servers, worker="bench", data_dir=data_dir)
            spec = stage_spec(definition(names.records, names.tallies))
            provision_stage(spec, config)
            run_worker([spec], config)
        case "bare_loop":
            bare_loop.run(bootstrap_servers, names, data_dir)
        case "idiomatic_faust":
            from ops.bench import idiomatic_faust

            idiomatic_faust.run(bootstrap_servers, names, data_dir)
        case _:
            raise SystemExit(f"no variant {variant}")


if __name__ == "__main__":
    main()
