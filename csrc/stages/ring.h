// Which routing a step uses, decided on the device so that one captured graph serves every step.
//
// The two words are written by different stages, each in one thread, and only read by the others:
//   route  reads next in every CTA and writes current = next;
//   quant, combine  read current;
//   act    writes next = current + 1, modulo the ring.
// Within a step the stages follow each other in one stream, and the next step's route comes after
// this step's act, so that no kernel reads a word that a running kernel writes.
#pragma once

#include <cstdint>

namespace moetop {

struct RingState {
    int32_t current;
    int32_t next;
};

}  // namespace moetop
