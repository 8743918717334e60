//go:build !linux || !cgo

package main

import "errors"

var errNoNVRTC = errors.New("kernels are compiled on Linux, by a program built with cgo")

func loadNVRTC(...string) (string, error) { return "", errNoNVRTC }

func compilePTX(string, string, map[string]string, []string) ([]byte, error) { return nil, errNoNVRTC }
