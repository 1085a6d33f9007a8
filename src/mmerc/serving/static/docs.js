"use strict";
// The routes of the service as Swagger UI shows them. The address is relative, so that it works behind a proxy below a prefix.
SwaggerUIBundle({ url: "openapi.json", dom_id: "#routes", deepLinking: true, validatorUrl: null });
