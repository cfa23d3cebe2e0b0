package kube

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// LogOptions say what is read of a log.
type LogOptions struct {
	// Container may be empty for a pod that has one.
	Container string
	// Lines is how many of the last lines are read at most, Bytes how many bytes.
	Lines, Bytes int
}

// logAttempts is how often a log is asked for until its last lines fit.
const logAttempts = 3

// Log reads the end of what a pod has logged, whole lines, empty if it has logged nothing. The API server has it from the
// kubelet of the pod's node, which counts the bytes from the first of the lines: where they are too many, fewer lines are
// asked for, so that the last one is always there, if it fits at all.
func Log(ctx context.Context, c *Client, namespace, pod string, o LogOptions) (string, error) {
	for attempt := 1; ; attempt++ {
		text, err := readLog(ctx, c, namespace, pod, o)
		switch {
		case err != nil || len(text) < o.Bytes:
			return text, err
		case attempt == logAttempts:
			return text[:strings.LastIndexByte(text, '\n')+1], nil
		}
		o.Lines = max(1, o.Lines/4)
	}
}

// logLimit bounds the bytes of the line that [LastLogLine] asks for.
const logLimit = 4096

// LastLogLine reads the last line that a pod has logged, empty if it has logged none. The API server has it from the
// kubelet of the pod's node, so that an answer proves the way there, too. container may be empty for a pod that has one.
func LastLogLine(ctx context.Context, c *Client, namespace, pod, container string) (string, error) {
	return readLog(ctx, c, namespace, pod, LogOptions{Container: container, Lines: 1, Bytes: logLimit})
}

func readLog(ctx context.Context, c *Client, namespace, pod string, o LogOptions) (string, error) {
	r := Pods.call("read log of", namespace, pod)
	r.method, r.path, r.accept = http.MethodGet, Pods.path(namespace, pod, "log"), "*/*"
	r.query = url.Values{"tailLines": {strconv.Itoa(o.Lines)}, "limitBytes": {strconv.Itoa(o.Bytes)}}
	set(r.query, "container", o.Container)
	r.repeatable, r.retryFor = true, 10*time.Second
	if namespace == "" || pod == "" {
		return "", c.invalid(r, errors.New("a log needs a namespace and a pod"))
	}
	got, err := c.do(ctx, r)
	return string(got.body), err
}
