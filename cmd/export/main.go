// Command export writes a trained network in formats of other programs.
package main

import (
	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/export"
)

func main() { cli.Main(export.Command) }
