// The machine behind machine.h.
#pragma once
#include "memory.h"
#include "worker.h"
#include <memory>

struct machine {
	machine_options options;
	Memory memory;
	std::vector<std::unique_ptr<Worker>> workers;
	uint32_t launches = 0;
};
