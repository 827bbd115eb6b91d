// Command bench measures training and inference: images a second, time and
// allocations of a step, memory, and the share of the machine's peak.
package main

import (
	"tapenet/cmd/internal/bench"
	"tapenet/cmd/internal/cli"
)

func main() { cli.Main(bench.Command, bench.Command) } // by its name too, as it starts itself
