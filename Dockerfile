# The gateway in a container: Debian 12's Python 3.11, the locked packages, an ordinary user, no installer.
#
#   buildah build --format docker --tag sluice .
#   podman run --volume sluice-state:/var/lib/sluice --volume ./etc:/etc/sluice sluice
#
# --format docker keeps the health check, which the OCI format has no place for. Whatever a site needs for its own
# mirrors comes in while building and stays in no layer:
#   --build-arg BASE=IMAGE    another base with Debian 12's packages
#   --secret id=apt,src=FILE  settings for apt     --secret id=pip,src=FILE  a pip.conf
#   --secret id=ca,src=FILE   the certificates to trust, in place of the base's own
ARG BASE=debian:12-slim

FROM ${BASE} AS builder
RUN --mount=type=secret,id=apt,target=/etc/apt/apt.conf.d/99site \
    apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates python3 python3-venv

# Two environments: one with the builder's tools, and one, without even pip, that goes into the image.
WORKDIR /build
RUN python3 -m venv tools && python3 -m venv --without-pip /opt/sluice
COPY deploy/requirements-build.txt deploy/requirements.txt ./
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt \
    tools/bin/pip install --no-cache-dir --require-hashes -r requirements-build.txt \
    && tools/bin/pip --python /opt/sluice/bin/python install --no-cache-dir --require-hashes -r requirements.txt

COPY pyproject.toml README.md source/
COPY gateway source/gateway
COPY consent source/consent
COPY policies/devices source/policies/devices
COPY firmware_sim source/firmware_sim
RUN tools/bin/pip wheel --no-index --no-deps --no-build-isolation --wheel-dir wheel ./source \
    && tools/bin/pip --python /opt/sluice/bin/python install --no-index --no-deps wheel/*.whl


FROM ${BASE}
RUN --mount=type=secret,id=apt,target=/etc/apt/apt.conf.d/99site \
    apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates python3 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/log/apt /var/log/dpkg.log \
    && groupadd --system --gid 990 sluice \
    && useradd --system --uid 990 --gid sluice --home-dir /var/lib/sluice --shell /usr/sbin/nologin sluice \
    && install -d -o sluice -g sluice -m 0700 /var/lib/sluice \
    && install -d -o sluice -g sluice -m 0710 /run/sluice

COPY --from=builder /opt/sluice /opt/sluice
COPY policies /etc/sluice/policies

ENV PATH=/opt/sluice/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1
USER sluice
WORKDIR /var/lib/sluice
VOLUME ["/etc/sluice", "/var/lib/sluice"]
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["sluice", "status"]
ENTRYPOINT ["sluice"]
CMD ["run"]
