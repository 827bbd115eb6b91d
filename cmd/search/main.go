// Command search looks for good settings of the command train: it draws trials from a
// space of settings, trains them, all of them whole or by successive halving, and ranks
// them by their accuracy on images held out of the training set.
package main

import (
	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/search"
	"tapenet/cmd/internal/train"
)

func main() { cli.Main(search.Command, train.Command) } // which search starts
