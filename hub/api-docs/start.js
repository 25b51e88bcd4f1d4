/** Shows the description of the API, and sends what is tried to this hub alone. Nothing is loaded from elsewhere. */
window.SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#api",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  docExpansion: "list",
  validatorUrl: null,
});
