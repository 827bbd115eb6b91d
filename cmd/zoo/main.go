// Command zoo lists the networks, shows one as a table, and draws its graph.
package main

import (
	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/zoo"
)

func main() { cli.Main(zoo.Command) }
