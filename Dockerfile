# ats-bot in a container: docker build -t ats-bot . ; docs/going-live.md tells how to run it.
# Dependencies come from the lock file only, each checked against its hash.

FROM python:3.12-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src

# Dependencies first: this layer is rebuilt only when the lock file changes.
COPY requirements.lock ./
RUN pip wheel --require-hashes --no-deps --only-binary=:all: --wheel-dir /wheels -r requirements.lock \
 && pip install --no-index --find-links /wheels hatchling

COPY pyproject.toml README.md ./
COPY bot bot
COPY handlers handlers
COPY runbook runbook
COPY sandbox sandbox
# By name, so that only what ats-bot depends on gets into the environment: hatchling stays here.
RUN pip wheel --no-deps --no-build-isolation --no-index --wheel-dir /wheels . \
 && python -m venv --without-pip /opt/ats-bot \
 && pip --python /opt/ats-bot/bin/python install --no-index --find-links /wheels ats-bot

FROM python:3.12-slim
LABEL org.opencontainers.image.title="ats-bot" \
      org.opencontainers.image.description="Incident ChatOps bot for an automated trading system" \
      org.opencontainers.image.licenses="MIT"

# The embedded PostgreSQL asks for its user's name, so the number needs an entry in /etc/passwd.
RUN python -m pip uninstall --yes pip \
 && useradd --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin ats \
 && install --directory --owner=10001 --group=10001 --mode=0700 /data
COPY --from=build /opt/ats-bot /opt/ats-bot

ENV PATH=/opt/ats-bot/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    ATS_DATA_DIR=/data \
    ATS_HOST=0.0.0.0 \
    ATS_PORT=8026 \
    ATS_LOG_FORMAT=json
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8026

# A worker (`run --role worker`) serves no HTTP: give it --no-healthcheck.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as r; r.build_opener(r.ProxyHandler({})).open('http://127.0.0.1:' + os.environ['ATS_PORT'] + '/healthz', timeout=4)"]

# No init is needed: ats-bot handles SIGTERM itself, and the embedded PostgreSQL, the only process that it leaves
# running, recovers from being killed with the container.
STOPSIGNAL SIGTERM
ENTRYPOINT ["ats-bot"]
CMD ["run"]
