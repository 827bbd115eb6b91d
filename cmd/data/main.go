// Command data shows what is in a dataset, draws some of its images, augmented
// too, and packs it into tar shards.
package main

import (
	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/data"
)

func main() { cli.Main(data.Command) }
