// Command robust measures what trained networks bear: corruptions, turns, shifts,
// attacks and unknown inputs. It prints a table and writes robust.json and
// robust.html.
package main

import (
	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/robust"
)

func main() { cli.Main(robust.Command) }
