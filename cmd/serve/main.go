// Command serve answers HTTP and gRPC requests with trained networks.
package main

import "tapenet/cmd/internal/cli"

func main() { cli.Main(run) }
