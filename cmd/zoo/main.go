// Command zoo lists the networks, shows one as a table, and draws its graph.
package main

import "tapenet/cmd/internal/cli"

func main() { cli.Main(run) }
