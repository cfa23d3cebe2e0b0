# Looks up a name and asks the API server for a word, each time anew, for
# CANARY_SECONDS and until it works. What fails three times in a row counts: a
# single packet may be lost. Who asks without TLS is told so by the API server
# itself; a worker's proxy that does not reach it only accepts the connection.
name=kubernetes.default.svc.cluster.local
end=$(($(date +%s) + CANARY_SECONDS))
failed=0
while :; do
  why=
  nslookup "$name" >/dev/null 2>&1 || why="DNS does not answer for $name. "
  # Without what the shell says of an nc that ran out of time.
  { printf 'GET /livez HTTP/1.0\r\n\r\n' | timeout 5 nc "$KUBERNETES_SERVICE_HOST" "$KUBERNETES_SERVICE_PORT" | grep -q .; } 2>/dev/null ||
    why="${why}The API server does not answer at $KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT."
  if [ -z "$why" ]; then
    [ "$(date +%s)" -lt "$end" ] || exit 0
    failed=0
  else
    failed=$((failed + 1))
    [ "$failed" -lt 3 ] || { echo "$why"; exit 1; }
  fi
  sleep 1
done
