// Command serve answers HTTP requests with trained networks.
package main

import "tapenet/cmd/internal/cli"

func main() { cli.Main(run) }
