//go:build race

package data

func init() { raced = true }
