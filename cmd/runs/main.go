// Command runs compares runs: it lists their folders in a table and plots their
// curves together.
package main

import (
	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/runs"
)

func main() { cli.Main(runs.Command) }
