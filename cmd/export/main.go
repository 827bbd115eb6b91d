// Command export writes a trained network in formats of other programs.
package main

import "tapenet/cmd/internal/cli"

func main() { cli.Main(run) }
