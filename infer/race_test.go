//go:build race

package infer

func init() { slow = 5 }
