package controlplane

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
)

// store speaks to a control plane's etcd, over the JSON form of its API.
type store struct {
	folder *os.File // where its socket is
	client *http.Client
}

// newStore opens the folder that etcd runs in. A socket's path may have 107
// characters only, so it is reached through the open folder where that goes.
func newStore(folder string) (*store, error) {
	opened, err := os.Open(filepath.Clean(folder))
	if err != nil {
		return nil, err
	}
	path := filepath.Join(folder, etcdSocket)
	if runtime.GOOS == "linux" {
		path = fmt.Sprintf("/proc/self/fd/%d/%s", opened.Fd(), etcdSocket)
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}
	return &store{folder: opened, client: &http.Client{Transport: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: atOnce}}}, nil
}

// call sends a request, "kv/range", and reads the answer; nil for an answer
// that nobody needs.
func (s *store) call(ctx context.Context, method string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://etcd/v3/"+method, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 4096)) // only for the message
		return fmt.Errorf("etcd: %s: %s: %s", method, response.Status, text)
	}
	if answer == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(answer)
}

func (s *store) close() {
	s.client.CloseIdleConnections()
	_ = s.folder.Close() // only read from
}
